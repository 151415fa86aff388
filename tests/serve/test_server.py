"""What one caller sent before shortens nobody else's requests, and answers tell whom it did."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from ingot.infer.engine import Engine, greedy
from ingot.infer.engines import torch as reference
from ingot.infer.sampling import GREEDY
from ingot.infer.supervised import Engine as SupervisedEngine
from ingot.serve.app import create_app
from ingot.serve.asks.asked import Question
from ingot.serve.gateway import Gateway, Limits
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from ingot.serve.ports import Principal
from tests.infer.tiny_model import make_model, make_variant
from tests.serve.running import Counting, served

KEYS = {"a1": Principal("ada", workspace="house"), "a2": Principal("abe", workspace="house"), "b": Principal("bob")}


class Keys:
    def principal(self, key: str | None) -> Principal | None:
        return KEYS.get(key or "")


@pytest.fixture(scope="module")
def long_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scratch = tmp_path_factory.mktemp("long")
    return make_variant(make_model(scratch / "base"), scratch / "model", context=1024)


@pytest.fixture
def reading(long_folder: Path) -> Iterator[Engine]:
    engine = reference.Engine(long_folder, reference.Config())
    yield engine
    engine.close()


def test_only_those_of_one_workspace_share_what_was_read(reading: Engine, tmp_path: Path) -> None:
    app = create_app(OneModel(served(reading)), Keys(), Counting(), FolderStore(tmp_path))

    async def ask(key: str) -> int:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            body = {"model": "acme", "prompt": [*range(300, 500)] * 3, "max_tokens": 2}
            answer = await client.post("/v1/completions", json=body, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"])

    async def scenario() -> list[int]:
        return [await ask(key) for key in ("a1", "b", "a2", "b")]

    assert asyncio.run(scenario()) == [0, 0, 512, 512]


def test_an_engine_that_pushes_needs_no_thread_that_waits(long_folder: Path) -> None:
    engine = SupervisedEngine("torch", long_folder, 1)
    prompt = [engine.codec.bos, *engine.codec.encode("class A")]

    async def scenario() -> None:
        gateway = Gateway(Limits(at_once=1))  # one thread: it would be taken by the first of two answers
        short, long = (Question(0, prompt, replace(GREEDY, max_tokens=most)) for most in (8, 900))
        async with aclosing(gateway.tokens(engine, long)) as endless:
            await anext(endless)
            said = [token.id async for tokens in gateway.tokens(engine, short) for token in tokens]
            assert said == greedy(engine, prompt, 8)
        while engine.stats().active:  # leaving told the engine
            await asyncio.sleep(0.01)
        gateway.close()

    asyncio.run(scenario())
    engine.close()
