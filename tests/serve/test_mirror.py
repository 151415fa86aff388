"""A shadow is asked what was asked, and harms nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from ingot.infer.engine import Stop
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
from ingot.serve.app import create_app
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from ingot.serve.ports import Lease, Price, ServedModel
from tests.infer.tiny_model import make_model
from tests.serve.running import Counting, PacedEngine, eventually, listening, served
from tests.serve.scripted import ScriptedEngine

CHAT = {"model": "acme", "messages": [{"role": "user", "content": "Hello?"}], "temperature": 0, "max_tokens": 20}


class Shadowed(OneModel):
    """One model that answers, and one that listens."""

    listening: ServedModel

    def shadow(self, model: ServedModel) -> ServedModel | None:
        return self.listening


class Failing(ScriptedEngine):
    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        raise RuntimeError("it always fails")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "tiny")


@contextmanager
def mirrored(
    real: ScriptedEngine | PacedEngine, shadow: ScriptedEngine | PacedEngine, store: Path
) -> Iterator[tuple[httpx.Client, Counting]]:
    source = Shadowed(replace(served(real, "chat"), price=Price(1, 1, "EUR")))
    listens = ServedModel("acme", "acme@3", "chat", 0, shadow, Price(1000, 1000, "EUR"), Lease(lambda: None))
    object.__setattr__(source, "listening", listens)
    meter = Counting()
    app = create_app(source, Anybody(), meter, FolderStore(store))
    with listening(app) as address, httpx.Client(base_url=address, timeout=20) as client:
        yield client, meter


def outcomes(client: httpx.Client) -> dict[str, int]:
    lines = client.get("/metrics").text.splitlines()
    found = [re.match(r'ingot_shadow_answers_total\{.*outcome="(.*)"\} (.*)', line) for line in lines]
    return {match[1]: int(float(match[2])) for match in found if match}


def test_what_it_says_is_counted_and_never_sent(folder: Path, tmp_path: Path) -> None:
    real, shadow = ScriptedEngine(folder), ScriptedEngine(folder)
    with mirrored(real, shadow, tmp_path) as (client, meter):
        client.post("/v1/chat/completions", json=CHAT)
        eventually(lambda: outcomes(client) == {"same": 1})
        shadow.script = "Something else.<|im_end|>"
        answer = client.post("/v1/chat/completions", json=CHAT)
        eventually(lambda: outcomes(client) == {"same": 1, "different": 1})
        client.post("/v1/chat/completions", json={**CHAT, "temperature": 1, "stream": True})
        eventually(lambda: outcomes(client).get("not compared") == 1)
        client.post("/v1/responses", json={"model": "acme", "input": "Hello?", "temperature": 0})
        eventually(lambda: outcomes(client).get("different") == 2)
        metrics = client.get("/metrics").text
    assert answer.headers["x-ingot-model"] == "acme@2"
    assert answer.json()["choices"][0]["message"]["content"] == "Hello."
    assert [prompt for prompt, _ in shadow.asked] == [prompt for prompt, _ in real.asked]
    assert {usage.model for usage in meter.records} == {"acme@2"}  # nobody pays for a shadow
    assert 'ingot_shadow_cost_total{currency="EUR",gen_ai_request_model="acme@3"}' in metrics
    assert 'ingot_shadow_duration_seconds_count{gen_ai_request_model="acme@3"} 4.0' in metrics
    assert 'ingot_shadow_tokens_total{gen_ai_request_model="acme@3",gen_ai_token_type="output"}' in metrics


def test_one_that_fails_is_counted(folder: Path, tmp_path: Path) -> None:
    with mirrored(ScriptedEngine(folder), Failing(folder), tmp_path) as (client, _):
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
        eventually(lambda: outcomes(client) == {"failed": 1})


def test_a_request_breaks_it_off_and_a_busy_server_drops_it(folder: Path, tmp_path: Path) -> None:
    real, shadow = PacedEngine(folder), PacedEngine(folder)
    with mirrored(real, shadow, tmp_path) as (client, _):
        shadow.hold()  # it would never end by itself
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
        eventually(lambda: len(shadow.order) == 1)
        # None of these waits for the shadow; the first one ends it.
        for _ in range(12):
            assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
        eventually(lambda: outcomes(client).get("broken off", 0) > 0)
        shadow.allowed = None
        eventually(lambda: sum(outcomes(client).values()) == 13)


def test_the_end_of_a_server_does_not_wait_for_it(folder: Path, tmp_path: Path) -> None:
    real, shadow = PacedEngine(folder), PacedEngine(folder)
    with mirrored(real, shadow, tmp_path) as (client, _):
        shadow.hold()
        client.post("/v1/chat/completions", json=CHAT)
        eventually(lambda: len(shadow.order) == 1)
    assert shadow.stopped.is_set()
