"""Callers who hang up, who read nothing, and who are too many: everybody else is answered, and nothing stays behind."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fastapi import FastAPI

from ingot.infer.engine import Stop
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
from ingot.serve.app import create_app
from ingot.serve.gateway import Limits
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from tests.infer.tiny_model import make_model
from tests.serve.running import Counting, eventually, listening, served
from tests.serve.scripted import ScriptedEngine

BUDGET = 160
CHAT: dict[str, Any] = {"model": "acme", "messages": [{"role": "user", "content": "Hi."}], "max_tokens": 40}


class BudgetedEngine(ScriptedEngine):
    """Takes a moment for each token, and knows how many tokens its answers may have held at once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.script = "a" * 12 + "<|im_end|>"
        self.held = self.most_held = 0
        self._lock = threading.Lock()

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        tokens = len(prompt) + params.max_tokens
        self._hold(tokens)
        try:
            for token in super().generate(prompt, params, stop):
                time.sleep(0.002)
                yield token
        finally:
            self._hold(-tokens)

    def _hold(self, tokens: int) -> None:
        with self._lock:
            self.held += tokens
            self.most_held = max(self.held, self.most_held)


@pytest.fixture(scope="module")
def budgeted(tmp_path_factory: pytest.TempPathFactory) -> BudgetedEngine:
    return BudgetedEngine(make_model(tmp_path_factory.mktemp("budgeted") / "tiny"))


def app_of(engine: BudgetedEngine, store: FolderStore, limits: Limits) -> FastAPI:
    return create_app(OneModel(served(engine, "chat")), Anybody(), Counting(), store, limits)


def test_a_crowd_is_answered_or_told_to_come_back(budgeted: BudgetedEngine, store: FolderStore) -> None:
    """Memory is what the answers may hold: their tokens never exceed the budget, however many ask."""
    app = app_of(budgeted, store, Limits(at_once=8, waiting=6, tokens=BUDGET))
    seen: Counter[int] = Counter()
    texts: set[str] = set()
    waits: list[int] = []

    def ask() -> None:
        with httpx.Client(base_url=address, timeout=30) as client:
            for _ in range(6):
                answer = client.post("/v1/chat/completions", json=CHAT)
                seen[answer.status_code] += 1
                if answer.status_code == 200:
                    texts.add(answer.json()["choices"][0]["message"]["content"])
                else:
                    waits.append(int(answer.headers["retry-after"]))

    with listening(app) as address:
        askers = [threading.Thread(target=ask) for _ in range(24)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
    assert set(seen) == {200, 429}
    assert texts == {"a" * 12}
    assert min(waits) >= 1
    assert budgeted.most_held <= BUDGET
    assert budgeted.held == 0


def test_nothing_stays_of_those_who_hang_up(budgeted: BudgetedEngine, store: FolderStore) -> None:
    app = app_of(budgeted, store, Limits(at_once=4))
    process = psutil.Process()

    def hang_up() -> None:
        with httpx.Client(timeout=30) as client:
            body = {**CHAT, "stream": True, "max_tokens": 12}
            with client.stream("POST", f"{address}/v1/chat/completions", json=body) as answer:
                next(answer.iter_raw())

    gateway = app.state.server.gateway
    with listening(app) as address:
        for _ in range(5):
            hang_up()
        eventually(lambda: gateway.inside == 0)
        before = (process.num_fds(), threading.active_count())
        for _ in range(60):
            hang_up()
        eventually(lambda: gateway.inside == 0 and gateway.active == 0 and budgeted.held == 0)
        eventually(lambda: (process.num_fds(), threading.active_count()) <= before)


def test_one_who_reads_nothing_holds_a_slot_no_longer_than_an_answer_may_take(
    budgeted: BudgetedEngine, store: FolderStore
) -> None:
    app = app_of(budgeted, store, Limits(at_once=1, seconds=0.3))
    body = json.dumps({**CHAT, "stream": True}).encode()
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    path = "/v1/chat/completions"
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b"", "root_path": ""}

    async def scenario() -> None:
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if asked:
                await asyncio.Event().wait()
            asked = True
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        answer = asyncio.ensure_future(app(scope, receive, send))
        await asyncio.wait([answer], timeout=20)
        assert answer.done()

    asyncio.run(scenario())
    gateway = app.state.server.gateway
    assert (gateway.active, gateway.inside) == (0, 0)
