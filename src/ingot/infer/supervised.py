"""An engine in a child process of its own: when it crashes, only its own requests notice.

The life of a request:

    1. `generate` checks it here, gives it a number and sends it to the child, or keeps it until the child is up
    2. what the child says is handed to whoever asked: to a queue that a thread waits at (`generate`), or to a function
       that passes it on (`listen`). One thread, the keeper, hears it, or the event loop that `listen` was called on
    3. the child dies: requests without a token so far wait for the next child and are sent to it, once; the others end
       with EngineLostError, since what they said already cannot be taken back
    4. the keeper starts the next child at once; one that cannot even open the model is tried again ever more slowly,
       and until then requests are told why

The keeper lives as long as the engine and starts every child itself, because the kernel ends a child together with the
thread that started it. The child therefore never outlives this process, even one that was killed.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingot.core.errors import EngineLostError, IngotError, from_fields
from ingot.infer.engine import Control, EngineStats, Heard, Stop, engine_lost, fitted
from ingot.infer.engine_child import as_order, read_token
from ingot.infer.engine_process import Child
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
from ingot.tokenizer.codec import Codec

_STOP_POLL_SECONDS = 0.05
_STATS_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_MOST_TRIES = 2
_DEATHS_KEPT = 16


@dataclass(eq=False)
class _Asked:
    """A request: how to order it from a child, who hears what comes back, and how often it was sent."""

    number: int
    order: list[Any]
    hear: Callable[[Any], object]
    tries: int = 0
    is_begun: bool = False


class Engine:
    """Satisfies the engine protocol by asking a child that runs engine `name`. Raises what opening it there raised."""

    context: int
    most_top_logprobs: int
    controls: frozenset[Control]

    def __init__(self, name: str, model_folder: Path, threads: int = 0, draft: Path | None = None) -> None:
        self.name = name
        self.codec = Codec.load(model_folder)
        self._arguments = (name, str(model_folder), threads, None if draft is None else str(draft))
        self._numbers = itertools.count()
        self._state = threading.Lock()  # never held while sending
        self._asked: dict[int, _Asked] = {}
        self._child: Child | None = None
        self._is_up = False
        self._down: IngotError | None = None  # why there is no child that takes orders, when that is more than a pause
        self._refusal: IngotError | None = None  # what a child that could not open the model said
        self.deaths: deque[float] = deque(maxlen=_DEATHS_KEPT)  # when children were lost, as `time.monotonic` says it
        self._closed = threading.Event()
        self._opened: Future[None] = Future()
        self._keeper = threading.Thread(target=self._keep, name=f"keeper of {name}", daemon=True)
        self._keeper.start()
        try:
            self._opened.result()
        except IngotError:
            self.close()
            raise

    @property
    def process_id(self) -> int | None:
        """The child that answers now; None while there is none."""
        with self._state:
            return self._child.process.pid if self._child is not None else None

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made. Raises EngineLostError when the child dies in the middle of it."""
        return self._tokens(self._ordered(prompt, params), stop)

    def listen(
        self, prompt: Sequence[int], params: SamplingParams, hear: Callable[[Heard], object]
    ) -> Callable[[], None]:
        """Begin an answer and return what ends it early; neither waits.

        `hear` is given its tokens on the event loop that this is called on; elsewhere by the keeper.
        """
        asked = self._ask(self._ordered(prompt, params), hear)
        child = self._child if self._is_up else None
        with suppress(RuntimeError):  # there is no loop
            if child is not None:
                child.follow_on(asyncio.get_running_loop())
        return partial(self._forget, asked)

    def tokenize(self, text: str) -> list[int] | None:
        """Return the ids that the tokenizer in the exported file gives a text."""
        ids: list[int] | None = self._value(["tokenize", text])
        return ids

    def embed(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return one unit vector for each prompt, [N, D]."""
        return np.asarray(self._value(["embed", [list(map(int, one)) for one in prompts]]), dtype=np.float32)

    def load_adapter(self, folder: Path) -> None:
        """Load an adapter in the child; the next child loads it when it is asked for."""
        self._value(["load_adapter", str(folder)])

    def drop_adapter(self, folder: Path) -> None:
        """Free an adapter's memory, unless there is no child, whose successor does not have it either."""
        with suppress(EngineLostError):
            self._value(["drop_adapter", str(folder)])

    def stats(self) -> EngineStats:
        """Return what the child says, or only the requests under way when it does not answer at once."""
        with self._state:
            active = len(self._asked)
            is_up = self._is_up
        with suppress(IngotError, queue.Empty):
            if is_up:
                return EngineStats(**self._value(["stats"], _STATS_SECONDS))
        return EngineStats(active=active)

    def close(self) -> None:
        """End the child; requests under way end with an error."""
        self._closed.set()
        with self._state:
            child = self._child
        if child is not None:
            child.leave()
        self._keeper.join()

    def _ordered(self, prompt: Sequence[int], params: SamplingParams) -> list[Any]:
        return ["generate", list(map(int, prompt)), as_order(fitted(prompt, params, self))]

    def _tokens(self, order: list[Any], stop: Stop | None) -> Iterator[Token]:
        replies: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        asked = self._ask(order, replies.put)
        try:
            while stop is None or not stop():
                try:
                    reply = replies.get(timeout=None if stop is None else _STOP_POLL_SECONDS)
                except queue.Empty:
                    continue
                if reply is None or isinstance(reply, IngotError):
                    _raise(reply)
                    return
                yield from reply
        finally:
            self._forget(asked)

    def _value(self, order: list[Any], seconds: float | None = None) -> Any:
        replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
        asked = self._ask(order, replies.put)
        try:
            reply = replies.get(timeout=seconds)
            _raise(reply)
            return reply
        finally:
            self._forget(asked)

    def _ask(self, order: list[Any], hear: Callable[[Any], object]) -> _Asked:
        asked = _Asked(next(self._numbers), order, hear)
        with self._state:
            if self._closed.is_set() or self._down is not None:
                raise self._down or engine_lost(self.name, "it was closed")
            self._asked[asked.number] = asked
            child = self._due(asked) if self._is_up else None
        if child is not None:
            self._send(child, asked)
        return asked

    def _send(self, child: Child, asked: _Asked) -> None:
        kind, *details = asked.order
        child.say([kind, asked.number, *details])
        if asked.number not in self._asked:  # given up while it was on its way
            child.say(["cancel", asked.number])

    def _due(self, asked: _Asked) -> Child | None:
        asked.tries += 1
        return self._child

    def _forget(self, asked: _Asked) -> None:
        with self._state:
            is_under_way = self._asked.pop(asked.number, None) is not None and asked.tries > 0
            child = self._child if self._is_up else None
        if child is not None and is_under_way and asked.order[0] == "generate":
            child.say(["cancel", asked.number])

    # What follows runs in the keeper.

    def _keep(self) -> None:
        pause = 1.0
        while not self._closed.is_set():
            was_up = self._keep_one()
            if was_up:
                pause = 1.0
            elif not self._closed.wait(pause):
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self._give_up(lambda _: True, engine_lost(self.name, "it was closed"))

    def _keep_one(self) -> bool:
        """Start a child, listen until it is gone, and say whether it ever took orders."""
        try:
            child = Child(*self._arguments, self._hear)
        except OSError as error:  # no memory, no descriptors
            self.deaths.append(time.monotonic())
            self._go_down(engine_lost(self.name, f"it cannot be started ({error.strerror})"))
            return False
        with self._state:
            self._child = child
        child.follow()
        was_up = self._is_up
        self._bury(child)
        return was_up

    def _hear(self, words: list[Any]) -> None:
        kind, *details = words
        if kind == "ready":
            self._open_for_orders(*details)
            return
        if kind == "failed":
            self._refusal = from_fields(details[0])
            return
        if kind == "told":
            for number, tokens in details[0]:
                self._reply(number, None if tokens is None else list(map(read_token, tokens)), is_last=tokens is None)
            return
        number, content = details
        self._reply(number, content if kind == "value" else from_fields(content), is_last=True)

    def _reply(self, number: int, content: Any, *, is_last: bool) -> None:
        asked = self._asked.get(number)  # one that was given up meanwhile is not there any more
        if asked is None:
            return
        asked.is_begun = True
        if is_last:
            with self._state:
                self._asked.pop(number, None)
        asked.hear(content)

    def _open_for_orders(self, context: int, most: int, controls: list[Control]) -> None:
        self.context, self.most_top_logprobs, self.controls = context, most, frozenset(controls)
        with self._state:
            self._is_up, self._down, child = True, None, self._child
            assert child is not None, "it has just spoken"
            waiting = list(self._asked.values())
            for asked in waiting:
                self._due(asked)
        if not self._opened.done():
            self._opened.set_result(None)
        for asked in waiting:
            self._send(child, asked)

    def _bury(self, child: Child) -> None:
        """Let go of a dead child, and of the requests that cannot be begun again."""
        how = child.end()
        if not self._closed.is_set():
            self.deaths.append(time.monotonic())
        with self._state:
            was_up, self._is_up, self._child = self._is_up, False, None
        if was_up:
            lost = engine_lost(self.name, f"it {how}")
            self._give_up(lambda asked: asked.is_begun or asked.tries >= _MOST_TRIES, lost)
        else:
            self._go_down(self._why_not_open(how))

    def _why_not_open(self, how: str) -> IngotError:
        refusal = self._refusal
        if refusal is None:
            return engine_lost(self.name, f"it {how} while it opened the model")
        if not self._opened.done():
            return refusal
        # It was open before, so that it cannot be now is no fault of whoever asks.
        return engine_lost(self.name, f"it cannot open the model again ({refusal.what})")

    def _go_down(self, reason: IngotError) -> None:
        """Answer everybody with the reason, until a child is up."""
        with self._state:
            self._down, self._refusal = reason, None
        if not self._opened.done():
            self._opened.set_exception(reason)
        self._give_up(lambda _: True, reason)

    def _give_up(self, which: Callable[[_Asked], bool], reason: IngotError) -> None:
        with self._state:
            lost = [asked for asked in self._asked.values() if which(asked)]
            for asked in lost:
                del self._asked[asked.number]
        for asked in lost:
            asked.hear(reason)


def _raise(reply: object) -> None:
    if isinstance(reply, IngotError):
        raise reply
