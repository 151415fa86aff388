"""Between the network and the engines: who may generate now, in which thread, and what happens when a caller hangs up.

Engines block, the network does not, so each answer is made in a thread and handed over token by token. A fixed number
of requests generate at once; the others wait in the order they came, and when too many wait the next one is told to
come back before anything is computed for it. A caller that hangs up frees its slot as soon as the engine was told.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ingot.infer.engine import Engine
from ingot.infer.text import Token
from ingot.serve.openai_api import ApiError
from ingot.serve.request import Question

RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True)
class Limits:
    """What one server takes on: requests generating at once, requests waiting, and bytes of a request's body."""

    at_once: int = 4
    waiting: int = 32
    body_bytes: int = 2 << 20


class Gateway:
    """The slots of one server."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._free = asyncio.Semaphore(limits.at_once)  # wakes those who wait in the order they came
        self._threads = ThreadPoolExecutor(limits.at_once, thread_name_prefix="answer")
        self.waiting = 0
        self.active = 0

    def close(self) -> None:
        """Let the threads go once their answers are done."""
        self._threads.shutdown(wait=True)

    def refuse_if_full(self) -> None:
        """Raise ApiError 429 when no more requests may wait."""
        if self._free.locked() and self.waiting >= self.limits.waiting:
            raise ApiError(
                429,
                f"{self.waiting} requests are waiting already: try again in {RETRY_AFTER_SECONDS} seconds",
                code="queue_full",
                retry_after=RETRY_AFTER_SECONDS,
            )

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1
            self._free.release()

    async def tokens(self, engine: Engine, question: Question) -> AsyncGenerator[Token, None]:
        """Yield an answer as its thread makes it. Leaving early, or being cancelled, stops the thread first."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Token | BaseException | None] = asyncio.Queue()
        gone = threading.Event()

        def generate() -> None:
            last: BaseException | None = None
            try:
                for token in engine.generate(question.prompt, question.params, gone.is_set):
                    loop.call_soon_threadsafe(arrived.put_nowait, token)
            except Exception as error:  # crosses to the caller's task, where it is raised again
                last = error
            loop.call_soon_threadsafe(arrived.put_nowait, last)

        thread = loop.run_in_executor(self._threads, generate)
        try:
            while isinstance(item := await arrived.get(), Token):
                yield item
            if item is not None:
                raise item
        finally:
            gone.set()
            await asyncio.wait([thread])
