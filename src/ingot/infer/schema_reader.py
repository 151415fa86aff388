"""Schemas of callers are read in a confined child, a second of processor time and 256 MiB each, before anything else.

A schema is a small program for whoever reads it: a few lines can ask for automata without end, and each one that is
new costs again. So it is read where nothing but the reading can suffer, by one of a few children that each read many;
one that runs out of time or memory is told so, and the child goes on or is replaced. Verdicts are kept for the schemas
asked for last, `_KEPT` of them, by their digest: no grammars, so that nothing grows with what callers send. Whoever
holds an answer to a schema reads it again, and knows that this is quick.
"""

from __future__ import annotations

import hashlib
import queue
import signal
import threading
from collections import OrderedDict
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ingot.core.confinement import Limits
from ingot.core.errors import IngotError, InputError
from ingot.core.sandbox import Finished, Result, Sandbox
from ingot.infer.grammar import Grammar, rules_for, text_of

_SECONDS = 1.0  # of processor time
_LIMITS = Limits(memory_bytes=256 << 20, timeout_seconds=10.0, output_bytes=1 << 20, result_bytes=1 << 20)
_CHILDREN = 2
_KEPT = 512

Refused = dict[str, str]


class SchemaReader:
    """Says whether answers can be held to a schema. Children start with the first schema, and end with `close`."""

    def __init__(self, limits: Limits = _LIMITS) -> None:
        self._limits = limits
        self._free: queue.LifoQueue[Sandbox | None] = queue.LifoQueue()
        for _ in range(_CHILDREN):
            self._free.put(None)
        self._known: OrderedDict[bytes, Refused | None] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, schema: Any) -> None:
        """Raise InputError when answers cannot be held to a schema; `where` is the place in it, as a JSON pointer.

        It waits for a child when all are busy, so it is not for an event loop.
        """
        text = text_of(schema)
        digest = hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).digest()
        with self._lock:
            is_known = digest in self._known
            refused = self._known.get(digest)
        if not is_known:
            refused = self._read(text)
        with self._lock:
            self._known[digest] = refused
            self._known.move_to_end(digest)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        if refused is not None:
            raise InputError(refused["what"], where=refused["where"], why=refused["why"], fix=refused["fix"])

    def close(self) -> None:
        """End the children; the next schema starts another."""
        for _ in range(_CHILDREN):
            sandbox = self._free.get()
            if sandbox is not None:
                sandbox.close()
        for _ in range(_CHILDREN):
            self._free.put(None)

    def _read(self, text: str) -> Refused | None:
        sandbox = self._free.get()
        try:
            if sandbox is None:
                sandbox = Sandbox(f"{__name__}:{_verdict.__name__}", workers=1, limits=self._limits)
            return _told(list(sandbox.map([text])))
        finally:
            self._free.put(sandbox)


def _told(words: list[Result | Finished]) -> Refused | None:
    for word in words:
        if isinstance(word, Result):
            return word.value and {name: str(word.value.get(name, "")) for name in ("what", "where", "why", "fix")}
        if word.failure is not None and word.failure.kind == "error":
            raise IngotError("the schema could not be read", why=f"{word.failure.what} {word.failure.why}".strip())
    return _too_much(f"more than {_SECONDS:g} s or {_LIMITS.memory_bytes >> 20} MiB")


def _too_much(cost: str) -> Refused:
    return {
        "what": f"reading the schema takes {cost}",
        "where": "#",
        "why": "answers can only be held to a schema that is read in bounded time",
        "fix": "ask for a smaller or simpler schema: fewer choices, shorter repetitions",
    }


class _OutOfTimeError(Exception):
    pass


def _verdict(text: str) -> Iterator[Refused | None]:
    """Yield why a schema is refused, or None; runs in a child of the sandbox."""
    signal.signal(signal.SIGPROF, _end)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    try:
        rules_for(Grammar("json_schema", text))
        found: Refused | None = None
    except InputError as error:
        found = {"what": error.what, "where": error.where, "why": error.why, "fix": error.fix}
    except _OutOfTimeError:
        found = _too_much(f"more than {_SECONDS:g} s of processor time")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
    rules_for.cache_clear()
    yield found


def _end(signum: int, frame: FrameType | None) -> None:
    raise _OutOfTimeError
