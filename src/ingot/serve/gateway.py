"""Between the network and the engines: who may generate now, in which thread, and what happens when a caller hangs up.

An engine in a process of its own is asked on the event loop, and tells its tokens there. One that lives in this process
blocks, so each of its answers is made in a thread and handed over token by token. A fixed number of requests generate
at once; the others wait in a fair queue, and when too many wait the next one is told to come back before its body is
read. A caller that hangs up frees its slot as soon as the engine was told.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from threading import Event
from typing import TypeGuard, TypeVar, cast

from ingot.infer.engine import Engine, Heard, PushingEngine
from ingot.infer.text import Token
from ingot.serve.asks.asked import Question
from ingot.serve.handover import Handover
from ingot.serve.pace import UNKNOWN_SECONDS, Pace
from ingot.serve.ports import Principal
from ingot.serve.queue import FairQueue
from ingot.serve.quotas import Quotas
from ingot.serve.refusal import Refusal

T = TypeVar("T")
_WHOLE_PAUSE_SECONDS = 0.02  # between two looks at an answer that is sent when it is whole


@dataclass(frozen=True)
class _Ended:
    """The last thing that is handed over: the answer is whole, or this went wrong."""

    error: Exception | None


class _Made(Handover[Token | _Ended]):
    """The tokens of one answer on their way to the loop. `first_at` is when the first one was made."""

    first_at = 0.0

    def hear(self, item: Heard | Exception) -> None:
        """Hand over tokens, or the end."""
        self.first_at = self.first_at or time.monotonic()
        with suppress(RuntimeError):  # the loop is closed: nobody is there to hear it
            if item is None or isinstance(item, Exception):
                self.put(_Ended(item), is_urgent=True)
            else:
                for token in item:
                    self.put(token)


def _unnoted(at: float) -> None:
    """Let the first token pass: nobody asked when it was made."""


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
        self._pace = Pace()
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

    @contextmanager
    def visit(self, principal: Principal) -> Iterator[None]:
        """Let a request in at the door. Raises Refusal 429 when it is full, 503 when the server is about to end."""
        self._refuse_if_full(principal)
        self.quotas.begin(principal)
        self._inside[principal.id] += 1
        try:
            yield
        finally:
            self._inside[principal.id] -= 1
            if not self._inside[principal.id]:
                del self._inside[principal.id]

    @asynccontextmanager
    async def slot(self, principal: Principal, tokens: int) -> AsyncIterator[None]:
        """Wait for a slot and hold it. Raises Refusal 503 when the wait takes too long."""
        if self._queue.has_room(tokens):
            await self._queue.enter(principal, tokens)  # a timer costs more than a slot that is free
        else:
            await self._wait_for_slot(principal, tokens)
        begun = time.monotonic()
        try:
            yield
        finally:
            self._pace.note(time.monotonic() - begun)
            self._queue.leave(tokens)

    async def tokens(
        self, engine: Engine, question: Question, is_stream: bool = True, began: Callable[[float], object] = _unnoted
    ) -> AsyncGenerator[list[Token], None]:
        """Yield an answer as it is made: each time what came since, so that a slow reader catches up.

        Of an answer that is no stream nobody reads the beginning before the end: it comes in larger pieces. `began`
        hears when the first token was made (`time.monotonic`). Leaving early, or being cancelled, stops the engine
        first.
        """
        made = _Made(0.0 if is_stream else _WHOLE_PAUSE_SECONDS)
        leave, thread = self._begin(engine, question, made)
        end, has_begun = None, False
        try:
            while end is None:
                *tokens, last = await made.take()
                if isinstance(last, _Ended):
                    end = last
                else:
                    tokens.append(last)
                if tokens and not has_begun:
                    has_begun = True
                    began(made.first_at)
                if tokens:
                    yield cast("list[Token]", tokens)  # only the last thing that is put is no token
            if end.error is not None:
                raise end.error
        finally:
            if end is None:  # after the last thing it hands over an engine does nothing more
                leave()
                if thread is not None:
                    await asyncio.wait([asyncio.wrap_future(thread)])

    def _begin(
        self, engine: Engine, question: Question, made: _Made
    ) -> tuple[Callable[[], object], Future[None] | None]:
        """Begin an answer; return what ends it early, and what to wait for then."""
        if _pushes(engine):
            return engine.listen(question.prompt, question.params, made.hear), None
        gone = Event()
        return gone.set, self._threads.submit(_make, engine, question, made, gone)

    async def _wait_for_slot(self, principal: Principal, tokens: int) -> None:
        try:
            async with asyncio.timeout(self.limits.seconds):
                await self._queue.enter(principal, tokens)
        except TimeoutError:
            message = f"no slot was free within {self.limits.seconds:g} seconds: try again later"
            raise Refusal(503, message, code="deadline_exceeded", retry_after=self._retry_after) from None

    async def compute(self, work: Callable[[], T]) -> T:
        """Return what a function computes in the thread of the slot that is held."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _refuse_if_full(self, principal: Principal) -> None:
        if self.is_draining:
            message = "this server is about to end and takes no more requests: try another, or again in a moment"
            raise Refusal(503, message, code="draining", retry_after=UNKNOWN_SECONDS)
        room, own = self.limits.at_once + self.limits.waiting, self._inside[principal.id]
        # Somebody's flood fills the room up to the flood's own share: others still find a place, up to twice the room.
        share = room / max(1, len(self._inside) + (own == 0))
        if self.inside >= 2 * room or (self.inside >= room and own >= share):
            wait = self._retry_after
            message = f"{self.inside} requests are here already: try again in {wait} seconds"
            raise Refusal(429, message, code="queue_full", retry_after=wait)

    @property
    def _retry_after(self) -> int:
        return self._pace.wait(self.inside, self.limits.at_once)


def _pushes(engine: Engine) -> TypeGuard[PushingEngine]:
    """Say whether an engine pushes; to compare it with the whole protocol takes longer than to begin an answer."""
    return hasattr(engine, "listen")


def _make(engine: Engine, question: Question, made: _Made, gone: Event) -> None:
    """Make an answer, in a thread."""
    try:
        for token in engine.generate(question.prompt, question.params, gone.is_set):
            if gone.is_set():
                break  # an engine need not look at it for every token; leaving drops what it holds
            made.hear((token,))
        made.hear(None)
    except Exception as error:  # crosses to the caller's task, where it is raised again
        made.hear(error)
