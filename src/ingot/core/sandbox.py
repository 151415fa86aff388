"""Run a function over untrusted items in confined child processes, and lose at most the item that goes wrong.

A few children (see core/confinement) each hold a short queue of items. A child that crashes, hangs, or runs out of
memory is replaced: the item it was working on is tried once more if it may be innocent, else reported with the reason,
and the rest of its queue goes to the replacement. The children may open no file but code: the file of an item is opened
here and handed over as a descriptor. Results come back in the order of the items whatever the children do, as JSON:
nothing a child sends is executed or unpickled here, so a parser taken over by a document cannot reach the parent
through its answers.

Memory is bounded: children that run ahead are not read, and so block on their pipe, while more than
`_HELD_BYTES` of results wait for an earlier item.
"""

from __future__ import annotations

import json
import select
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, BinaryIO, Literal

from ingot.core.confinement import Limits
from ingot.core.errors import IngotError
from ingot.core.sandbox_process import OUTSIDE, ChildProcess, Message, Task

_QUEUE_ITEMS = 8
_HELD_BYTES = 64 << 20

Opener = Callable[[Any], BinaryIO]
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

    `readable` names files and folders, such as models, that they may open beside their code. `missing_layers` names
    the protections this system did not offer; it is known once the first result is there. Use it as a context manager,
    so that no process outlives the work.
    """

    def __init__(
        self, function: str, *, workers: int, limits: Limits | None = None, readable: Sequence[str] = ()
    ) -> None:
        self.missing_layers: tuple[str, ...] = ()
        self._function = function
        self._workers = max(1, workers)
        self._limits = limits or Limits()
        self._readable = tuple(readable)
        self._children: list[ChildProcess] = []
        self._said: dict[int, deque[tuple[int, Result | Finished]]] = {}
        self._results: dict[int, int] = {}
        self._repeated: dict[int, int] = {}
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

    def map(self, items: Iterable[Any], open_item: Opener | None = None) -> Iterator[Result | Finished]:
        """Yield the results of every item (JSON-able), in order, each item closed by its `Finished`.

        With `open_item` the function is called with the item and a stream: what `open_item` returns for it here, in
        the parent, as it is handed out. Raises StepError when the children cannot even start.
        """
        if any(child.queue for child in self._children):  # an earlier map was left half-way
            self.close()
        self._head, self._held_bytes = 0, 0
        for kept in (self._said, self._results, self._repeated):
            kept.clear()
        waiting = (_task(index, item, open_item) for index, item in enumerate(items))
        self._hand_out(waiting)
        while any(child.queue for child in self._children):
            self._listen()
            self._hand_out(waiting)
            yield from self._in_order()
        yield from self._in_order()

    def _hand_out(self, waiting: Iterator[Task]) -> None:
        """Fill the shortest queues; start another child while all are busy and one more is allowed."""
        while True:
            child = min(self._children, key=lambda child: len(child.queue), default=None)
            if child is not None and child.is_full(_QUEUE_ITEMS) and len(self._children) == self._workers:
                return
            task = next(waiting, None)
            if task is None:
                return
            if child is None or (child.queue and len(self._children) < self._workers):
                child = self._start()
            self._give(child, task)

    def _give(self, child: ChildProcess, task: Task) -> None:
        try:
            child.take(task)
        except IngotError as error:
            self._say(task.index, 0, Finished(task.index, as_failure(error.as_fields())))
        except OSError as error:
            why = error.strerror or str(error)
            failure = Failure("error", "it cannot be opened", why, "make it readable, then run the build again")
            self._say(task.index, 0, Finished(task.index, failure))

    def _start(self) -> ChildProcess:
        child = ChildProcess(self._function, self._limits, self._readable)
        self._children.append(child)
        return child

    def _listen(self) -> None:
        """Wait for news from the children that may speak, and replace those that died, hang or misbehave."""
        listened = {child.descriptor: child for child in self._children if child.queue and self._may_speak(child)}
        poll = select.poll()
        for descriptor in listened:
            poll.register(descriptor, select.POLLIN | select.POLLHUP)
        started = time.monotonic()
        patience = min(child.patience for child in listened.values())
        ready = {descriptor for descriptor, _ in poll.poll(1000 * max(0.0, patience))}
        waited = time.monotonic() - started
        for descriptor, child in listened.items():
            child.silence += waited
            if descriptor in ready:
                self._receive(child)
            if child in self._children and child.queue and child.patience <= 0:
                self._replace(child, child.timeout_failure())

    def _may_speak(self, child: ChildProcess) -> bool:
        # The child at the head is always read, so the whole can never stand still.
        return self._held_bytes <= _HELD_BYTES or child.queue[0].index == self._head

    def _receive(self, child: ChildProcess) -> None:
        messages, failure = child.receive()
        for message in messages:
            if child not in self._children:
                return
            self._note(child, message)
        if failure is not None:
            self._replace(child, failure)

    def _note(self, child: ChildProcess, message: Message) -> None:
        if message.kind == "hello":
            self.missing_layers = tuple(str(layer) for layer in message.value or ())
            return
        index = child.queue[0].index
        if message.kind == "result":
            self._note_result(index, message)
            return
        if message.kind == "error" and as_failure(message.value).kind == "memory":
            self._replace(child, {"kind": "memory"})
            return
        child.finish_item()
        self._say(index, 0, Finished(index, as_failure(message.value) if message.kind == "error" else None))

    def _note_result(self, index: int, message: Message) -> None:
        if self._repeated.get(index, 0) > 0:  # heard before the first child was lost
            self._repeated[index] -= 1
            return
        self._results[index] = self._results.get(index, 0) + 1
        self._say(index, message.bytes, Result(index, message.value))

    def _replace(self, child: ChildProcess, reason: Mapping[str, str]) -> None:
        """Put a new child in the place of one that is lost: it gets the queue, without the item that is to blame.

        That item is tried once more when something else may be: a child ended from outside, or one that had worked on
        other items before. Not after a timeout, which would cost as much again.
        """
        child.end()
        place = self._children.index(child)
        if not child.queue:
            del self._children[place]
            return
        tasks = list(child.queue)
        if not self._may_be_tried_again(child, tasks[0].index, reason):
            index = tasks.pop(0).index
            self._say(index, 0, Finished(index, as_failure(reason)))
        self._children[place] = ChildProcess(self._function, self._limits, self._readable)
        for task in tasks:
            self._give(self._children[place], task)

    def _may_be_tried_again(self, child: ChildProcess, index: int, reason: Mapping[str, str]) -> bool:
        is_doubtful = reason["kind"] in ("crash", "memory") and not child.is_fresh
        if index in self._repeated or not (is_doubtful or reason.get("from") == OUTSIDE):
            return False
        self._repeated[index] = self._results.get(index, 0)
        return True

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
                for kept in (self._said, self._results, self._repeated):
                    kept.pop(self._head, None)
                self._head += 1
            yield word


def missing_layers() -> tuple[str, ...]:
    """Return the protections that this system does not offer, as found by starting a child."""
    with Sandbox(f"{__name__}:{_nothing.__name__}", workers=1) as sandbox:
        for _ in sandbox.map([None]):
            pass
        return sandbox.missing_layers


def _nothing(_: Any) -> Iterator[None]:
    yield from ()


def _task(index: int, item: Any, open_item: Opener | None) -> Task:
    line = json.dumps(item).encode("ascii") + b"\n"  # file names may hold bytes utf-8 cannot
    return Task(index, line, partial(open_item, item) if open_item else None)


def as_failure(described: Any) -> Failure:
    """Read a failure a child described; whatever it wrote, the fields are strings."""
    reason = described if isinstance(described, dict) else {}
    kinds: dict[str, FailureKind] = {"crash": "crash", "memory": "memory", "timeout": "timeout", "output": "output"}
    kind = kinds.get(str(reason.get("kind")), "error")
    what = "it needs more memory than it may have" if kind == "memory" else str(reason.get("what", "failed"))
    return Failure(kind, what, str(reason.get("why", "")), str(reason.get("fix", "")))
