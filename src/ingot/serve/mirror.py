"""Asks a shadow what was asked of the version that answers. Nobody reads what it says: it is counted and forgotten.

    1. an answer is whole: its request is put aside for the shadow, or dropped where too many are waiting
    2. when nobody was answered for a moment, the shadow is asked, one request at a time, in a thread of its own
    3. a request that comes meanwhile breaks the shadow off, at its next token
    4. how long it took, what it used and whether it said the same go to the metrics

So a shadow costs nobody time beyond one token, and on a machine that is never idle it learns nothing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ingot.serve.answers.reading import Said, reader
from ingot.serve.answers.voice import Answer
from ingot.serve.asks.asked import Asked
from ingot.serve.energy import EnergyShares
from ingot.serve.gateway import Gateway
from ingot.serve.metrics import Metrics
from ingot.serve.ports import ModelSource, ServedModel, Usage
from ingot.serve.wire.replies import WireUsage

_log = logging.getLogger(__name__)
_MOST_WAITING = 8
_MOST_SECONDS = 30.0  # what waits longer is dropped
_LOOK_SECONDS = 0.02
_QUIET_SECONDS = 0.05  # an answer that was just sent is still on its way: without this it came 10 ms later (one core)

Keep = Callable[[Sequence[Answer], WireUsage], Awaitable[None]]
Asks = Callable[[ServedModel], Asked]


@dataclass(frozen=True)
class _Aside:
    """A request that a model answered: how to ask it of another version, and what the answers were."""

    model: ServedModel
    shadow: str
    asks: Asks
    answers: Sequence[Answer]
    since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Heard:
    outcome: str
    read: int = 0
    written: int = 0


class Mirror:
    """The shadows of one server. Belongs to its event loop."""

    def __init__(self, source: ModelSource, gateway: Gateway, energy: EnergyShares, metrics: Metrics) -> None:
        self._source, self._gateway, self._energy, self._metrics = source, gateway, energy, metrics
        self._aside: deque[_Aside] = deque()
        self._task: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._is_over = threading.Event()

    def beside(self, model: ServedModel, asks: Asks, keep: Keep | None = None) -> Keep | None:
        """Return what is to be done with the answers of a request: `keep`, and then a shadow, where there is one.

        `asks` makes the same request for another version, whose vocabulary may be another.
        """
        shadow = self._source.shadow(model)
        if shadow is None:
            return keep

        async def kept(answers: Sequence[Answer], usage: WireUsage) -> None:
            if keep is not None:
                await keep(answers, usage)
            self._put_aside(_Aside(model, shadow.reference, asks, answers))

        return kept

    async def close(self) -> None:
        """Break off, and ask no more."""
        self._is_over.set()
        if self._task is not None:
            await asyncio.wait([self._task])
        if self._thread is not None:
            self._thread.shutdown()

    def _put_aside(self, aside: _Aside) -> None:
        if len(self._aside) >= _MOST_WAITING or self._is_over.is_set():
            self._metrics.shadowed(aside.shadow, "dropped")
            return
        self._aside.append(aside)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="shadow")

    async def _work(self) -> None:
        quiet_since = time.monotonic()
        while self._aside and not self._is_over.is_set():
            await asyncio.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            quiet_since = now if self._is_busy() else max(quiet_since, self._aside[-1].since)
            if now - self._aside[0].since > _MOST_SECONDS:
                self._metrics.shadowed(self._aside.popleft().shadow, "dropped")
            elif now - quiet_since > _QUIET_SECONDS:
                await self._ask(self._aside.popleft())

    async def _ask(self, aside: _Aside) -> None:
        shadow = self._source.shadow(aside.model)
        if shadow is None or shadow.reference != aside.shadow or not shadow.lease.take():
            self._metrics.shadowed(aside.shadow, "dropped")
            return
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="shadow")
        share, started = self._energy.begin(), time.monotonic()
        try:
            heard = await asyncio.get_running_loop().run_in_executor(self._thread, self._hear, aside, shadow)
        finally:
            shadow.lease.give_back()
            energy = self._energy.end(share)
        price = shadow.price
        used = Usage(
            principal="shadow",
            model=shadow.reference,
            prompt_tokens=heard.read,
            completion_tokens=heard.written,
            seconds=time.monotonic() - started,
            joules=energy.joules,
            energy=energy.method,
            cost=price.of(heard.read, heard.written) if price else None,
            currency=price.currency if price else None,
        )
        self._metrics.shadowed(shadow.reference, heard.outcome, used)

    def _hear(self, aside: _Aside, shadow: ServedModel) -> _Heard:
        """Ask in the thread; a shadow that fails is counted, and that is all."""
        read = written = 0
        said: dict[int, list[Said]] = {}
        try:
            asked = aside.asks(shadow)
            read = asked.prompt_tokens
            for question in asked.questions:
                reads, parts = reader(asked, question), said.setdefault(question.index, [])
                for token in shadow.engine.generate(question.prompt, question.params, self._is_unwanted):
                    written += 1
                    parts.extend(reads.read(token))
                    if parts and parts[-1].finish is not None:
                        break
                if not parts or parts[-1].finish is None:
                    return _Heard("broken off", read, written)
        except Exception as error:
            _log.warning("the shadow %s failed: %s", shadow.reference, error)
            return _Heard("failed", read, written)
        if any(question.params.temperature > 0 for question in asked.questions):
            return _Heard("not compared", read, written)
        is_same = all(_words(Answer.of(one.index, said[one.index])) == _words(one) for one in aside.answers)
        return _Heard("same" if is_same else "different", read, written)

    def _is_busy(self) -> bool:
        return self._gateway.active > 0 or self._gateway.waiting > 0

    def _is_unwanted(self) -> bool:
        return self._is_over.is_set() or self._is_busy()


def _words(answer: Answer) -> tuple[str, tuple[tuple[str, str], ...]]:
    return " ".join(answer.text.split()), tuple((call.name, call.arguments) for call in answer.calls)
