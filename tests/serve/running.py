"""A server on loopback in a thread, and an engine whose pace a test decides."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from ingot.infer.engine import Stop
from ingot.infer.engines.torch import Config, Engine
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
from ingot.serve.ports import ModelKind, ServedModel, Usage


class PacedEngine(Engine):
    """The reference engine; `hold()` lets it give only as many tokens as the test allows."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Config())
        self.allowed: threading.Semaphore | None = None
        self.stopped = threading.Event()
        self.order: list[int] = []

    def hold(self) -> threading.Semaphore:
        self.allowed = threading.Semaphore(0)
        self.stopped.clear()
        return self.allowed

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        self.order.append(len(prompt))
        try:
            for token in super().generate(prompt, params, stop):
                while self.allowed is not None and not self.allowed.acquire(timeout=0.01):
                    if stop is not None and stop():
                        return
                yield token
        finally:
            if stop is not None and stop():
                self.stopped.set()


class Counting:
    """A meter that keeps what it was told."""

    def __init__(self) -> None:
        self.records: list[Usage] = []

    def record(self, usage: Usage) -> None:
        self.records.append(usage)


def served(engine: Engine, kind: ModelKind = "base") -> ServedModel:
    return ServedModel("acme", "acme@2", kind, 1_700_000_000, engine)


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds that another thread is about to bring about."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.005)


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Run an application on a free port of loopback; yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server ended while it started"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
