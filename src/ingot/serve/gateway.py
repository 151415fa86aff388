"""Between the network and the engines: who may generate now, in which thread, and what happens when a caller hangs up.

Engines block, the network does not, so each answer is made in a thread and handed over token by token. A fixed number
of requests generate at once; the others wait in a fair queue, and when too many wait the next one is told to come back
before its body is read. A caller that hangs up frees its slot as soon as the engine was told.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from ingot.infer.engine import Engine
from ingot.infer.text import Token
from ingot.serve.asks.asked import Question
from ingot.serve.ports import Principal
from ingot.serve.queue import FairQueue
from ingot.serve.quotas import Quotas
from ingot.serve.refusal import Refusal

RETRY_AFTER_SECONDS = 2
T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """What one server takes on.

    Requests generating at once, tokens they may hold together (None: as many as they like), requests waiting, bytes of
    a request's body and of a file, seconds a body may take to arrive, and seconds a request may wait and then take.
    """

    at_once: int = 8
    waiting: int = 32
    body_bytes: int = 2 << 20
    file_bytes: int = 256 << 20
    tokens: int | None = None
    body_seconds: float = 60.0
    seconds: float = 600.0


class Gateway:
    """The slots of one server."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.quotas = Quotas()
        self.is_draining = False
        self._queue = FairQueue(limits.at_once, limits.tokens)
        self._inside: Counter[str] = Counter()  # requests between the door and their last byte, by principal
        self._threads = ThreadPoolExecutor(limits.at_once, thread_name_prefix="answer")

    @property
    def active(self) -> int:
        """How many requests generate."""
        return self._queue.active

    @property
    def waiting(self) -> int:
        """How many requests wait for a slot."""
        return self._queue.waiting

    @property
    def inside(self) -> int:
        """How many requests came in and are not over, whatever they are doing."""
        return self._inside.total()

    def close(self) -> None:
        """Let the threads go once their answers are done."""
        self._threads.shutdown(wait=True)

    @asynccontextmanager
    async def visit(self, principal: Principal) -> AsyncIterator[None]:
        """Let a request in at the door. Raises Refusal 429 when it is full, 503 when the server is about to end."""
        self._refuse_if_full(principal)
        self.quotas.begin(principal)
        self._inside[principal.id] += 1
        try:
            yield
        finally:
            self._inside[principal.id] -= 1
            self._inside += Counter()  # keeps only those who are inside

    @asynccontextmanager
    async def slot(self, principal: Principal, tokens: int) -> AsyncIterator[None]:
        """Wait for a slot and hold it. Raises Refusal 503 when the wait takes too long."""
        try:
            await asyncio.wait_for(self._queue.enter(principal, tokens), self.limits.seconds)
        except TimeoutError:
            message = f"no slot was free within {self.limits.seconds:g} seconds: try again later"
            raise Refusal(503, message, code="deadline_exceeded", retry_after=RETRY_AFTER_SECONDS) from None
        try:
            yield
        finally:
            self._queue.leave(tokens)

    async def tokens(self, engine: Engine, question: Question) -> AsyncGenerator[Token, None]:
        """Yield an answer as its thread makes it. Leaving early, or being cancelled, stops the thread first."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Token | BaseException | None] = asyncio.Queue()
        gone = threading.Event()

        def generate() -> None:
            last: BaseException | None = None
            try:
                for token in engine.generate(question.prompt, question.params, gone.is_set):
                    if gone.is_set():
                        break  # an engine need not look at it for every token; leaving drops what it holds
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

    async def compute(self, work: Callable[[], T]) -> T:
        """Return what a function computes in the thread of the slot that is held."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _refuse_if_full(self, principal: Principal) -> None:
        if self.is_draining:
            message = "this server is about to end and takes no more requests: try another, or again in a moment"
            refusal = Refusal(503, message, code="draining", retry_after=RETRY_AFTER_SECONDS)
            # A connection that stays open would be cut when the server ends, perhaps under the caller's next request.
            refusal.headers["Connection"] = "close"
            raise refusal
        room, own = self.limits.at_once + self.limits.waiting, self._inside[principal.id]
        # Somebody's flood fills the room up to the flood's own share: others still find a place, up to twice the room.
        share = room / max(1, len(self._inside) + (own == 0))
        if self.inside >= 2 * room or (self.inside >= room and own >= share):
            raise Refusal(
                429,
                f"{self.inside} requests are here already: try again in {RETRY_AFTER_SECONDS} seconds",
                code="queue_full",
                retry_after=RETRY_AFTER_SECONDS,
            )
