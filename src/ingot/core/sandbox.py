"""Run a function over untrusted items in confined child processes, and lose at most the item that goes wrong.

A few children (see core/confinement) each hold a short queue of items. A child that crashes, hangs, or runs out of
memory is replaced: the item it was working on is reported with the reason, the rest of its queue goes to the
replacement. Results come back in the order of the items whatever the children do, as JSON: nothing a child sends is
executed or unpickled here, so a parser taken over by a document cannot reach the parent through its answers.

Memory is bounded: children that run ahead are not read, and so block on their pipe, while more than
`_HELD_BYTES` of results wait for an earlier item.
"""

from __future__ import annotations

import json
import select
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from ingot.core.confinement import Limits
from ingot.core.sandbox_process import ChildProcess, Message

_QUEUE_ITEMS = 8
_HELD_BYTES = 64 << 20

FailureKind = Literal["error", "crash", "memory", "timeout", "output"]


@dataclass(frozen=True)
class Failure:
    """Why an item has no (more) results; `what`, `why` and `fix` as in core/errors."""

    kind: FailureKind
    what: str
    why: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Result:
    """One result of item number `index`."""

    index: int
    value: Any


@dataclass(frozen=True)
class Finished:
    """The last word about item number `index`; without a failure all its results came."""

    index: int
    failure: Failure | None


class Sandbox:
    """A pool of confined processes that run `function` ("package.module:name": item -> iterable of JSON values).

    `missing_layers` names the protections this system did not offer; it is known once the first result is there.
    Use it as a context manager, so that no process outlives the work.
    """

    def __init__(self, function: str, *, workers: int, limits: Limits | None = None) -> None:
        self.missing_layers: tuple[str, ...] = ()
        self._function = function
        self._workers = max(1, workers)
        self._limits = limits or Limits()
        self._children: list[ChildProcess] = []
        self._said: dict[int, deque[tuple[int, Result | Finished]]] = {}
        self._held_bytes = 0
        self._head = 0

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every child now."""
        for child in self._children:
            child.end()
        self._children.clear()

    def map(self, items: Iterable[Any]) -> Iterator[Result | Finished]:
        """Yield the results of every item (JSON-able), in order, each item closed by its `Finished`.

        Raises StepError when the children cannot even start.
        """
        if any(child.queue for child in self._children):  # an earlier map was left half-way
            self.close()
        self._head, self._held_bytes = 0, 0
        self._said.clear()
        waiting = enumerate(items)
        self._hand_out(waiting)
        while any(child.queue for child in self._children):
            self._listen()
            self._hand_out(waiting)
            yield from self._in_order()

    def _hand_out(self, waiting: Iterator[tuple[int, Any]]) -> None:
        """Fill the shortest queues; start another child while all are busy and one more is allowed."""
        while True:
            child = min(self._children, key=lambda child: len(child.queue), default=None)
            if child is not None and child.is_full(_QUEUE_ITEMS) and len(self._children) == self._workers:
                return
            numbered = next(waiting, None)
            if numbered is None:
                return
            if child is None or (child.queue and len(self._children) < self._workers):
                child = self._start()
            index, item = numbered
            child.take(index, json.dumps(item).encode("ascii") + b"\n")  # file names may hold bytes utf-8 cannot

    def _start(self) -> ChildProcess:
        child = ChildProcess(self._function, self._limits)
        self._children.append(child)
        return child

    def _listen(self) -> None:
        """Wait for news from the children that may speak, and replace those that died, hang or misbehave."""
        listened = {child.descriptor: child for child in self._children if child.queue and self._may_speak(child)}
        poll = select.poll()
        for descriptor in listened:
            poll.register(descriptor, select.POLLIN | select.POLLHUP)
        started = time.monotonic()
        ready = {descriptor for descriptor, _ in poll.poll(1000 * min(child.patience for child in listened.values()))}
        waited = time.monotonic() - started
        for descriptor, child in listened.items():
            child.silence += waited
            if descriptor in ready:
                self._receive(child)
            elif child.patience <= 0:
                self._replace(child, child.timeout_failure())

    def _may_speak(self, child: ChildProcess) -> bool:
        # The child at the head is always read, so the whole can never stand still.
        return self._held_bytes <= _HELD_BYTES or child.queue[0][0] == self._head

    def _receive(self, child: ChildProcess) -> None:
        messages, failure = child.receive()
        for message in messages:
            self._note(child, message)
        if failure is not None:
            self._replace(child, failure)

    def _note(self, child: ChildProcess, message: Message) -> None:
        if message.kind == "hello":
            self.missing_layers = tuple(str(layer) for layer in message.value or ())
            return
        index = child.queue[0][0]
        if message.kind == "result":
            self._say(index, message.bytes, Result(index, message.value))
            return
        child.finish_item()
        self._say(index, 0, Finished(index, as_failure(message.value) if message.kind == "error" else None))

    def _replace(self, child: ChildProcess, reason: dict[str, str]) -> None:
        """Blame the item a child was at, and give the rest of its queue to a new child in its place."""
        child.end()
        place = self._children.index(child)
        if not child.queue:
            del self._children[place]
            return
        index = child.queue[0][0]
        self._say(index, 0, Finished(index, as_failure(reason)))
        self._children[place] = ChildProcess(self._function, self._limits)
        for number, line in list(child.queue)[1:]:
            self._children[place].take(number, line)

    def _say(self, index: int, size: int, word: Result | Finished) -> None:
        self._said.setdefault(index, deque()).append((size, word))
        self._held_bytes += size

    def _in_order(self) -> Iterator[Result | Finished]:
        while self._head in self._said:
            words = self._said[self._head]
            if not words:
                return
            size, word = words.popleft()
            self._held_bytes -= size
            if isinstance(word, Finished):
                del self._said[self._head]
                self._head += 1
            yield word


def as_failure(described: Any) -> Failure:
    """Read a failure a child described; whatever it wrote, the fields are strings."""
    reason = described if isinstance(described, dict) else {}
    kinds: dict[str, FailureKind] = {"crash": "crash", "memory": "memory", "timeout": "timeout", "output": "output"}
    kind = kinds.get(str(reason.get("kind")), "error")
    what = "it needs more memory than it may have" if kind == "memory" else str(reason.get("what", "failed"))
    return Failure(kind, what, str(reason.get("why", "")), str(reason.get("fix", "")))
