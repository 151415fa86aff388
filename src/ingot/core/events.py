"""What happens while something runs, as data.

A step knows one thing: `emit(kind, **fields)`. Where events go (a log file, the terminal, a browser) is the composition
root's business. Events are JSON-able, so they cross process boundaries as lines and replay exactly.

Kinds: `run`, `step`, `progress`, `metric`, `sample`, `note`, `warning`, `failure`; between a step and its runner also
`spent` (seconds and energy so far) and `readable` (others may begin to read what it writes).
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

_HEAD = frozenset({"time", "run", "step", "kind"})

Sink = Callable[["Event"], None]


class Emit(Protocol):
    """The one function a step reports through."""

    def __call__(self, kind: str, /, **fields: Any) -> None: ...


@dataclass(frozen=True)
class Event:
    """One thing that happened: when (seconds since 1970), in which run and step, and its fields."""

    kind: str
    run: str = ""
    step: str = ""
    time: float = 0.0
    fields: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the event as one line of JSON."""
        head = {"time": round(self.time, 3), "run": self.run, "step": self.step, "kind": self.kind}
        return json.dumps({**head, **self.fields}, ensure_ascii=False, default=str)


def from_json(line: str) -> Event:
    """Read back a line written by :meth:`Event.as_json`."""
    fields = json.loads(line)
    head = {name: fields.pop(name) for name in ("kind", "run", "step", "time")}
    return Event(**head, fields=fields)


def emitter(run: str, step: str, *sinks: Sink) -> Emit:
    """Return an `emit` that stamps events with the time, the run and the step and hands them to every sink."""

    def emit(kind: str, /, **fields: Any) -> None:
        if taken := _HEAD & fields.keys():
            raise TypeError(f"an event says {', '.join(sorted(taken))} in its head; call the field something else")
        event = Event(kind, run, step, time.time(), fields)
        for sink in sinks:
            sink(event)

    return emit


def one_at_a_time(*sinks: Sink) -> Sink:
    """Return a sink that hands each event to all of these before the next, whichever thread it comes from."""
    lock = threading.Lock()

    def show(event: Event) -> None:
        with lock:
            for sink in sinks:
                sink(event)

    return show


class EventLog:
    """A sink that appends events to a file, one line each; a torn last line is ignored when it is read back."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    def __call__(self, event: Event) -> None:
        self._file.write(event.as_json() + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; the log can be opened again and continued."""
        self._file.close()


class EventTail:
    """Reads a log that is still being written: each call of `new` returns the events since the one before."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def new(self) -> list[Event]:
        """Return the events that were not read yet; a line that is not whole is read the next time."""
        if not self._path.exists():
            return []
        events = []
        with self._path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                with contextlib.suppress(json.JSONDecodeError, KeyError):
                    events.append(from_json(line.decode("utf-8", errors="replace")))
        return events


def read_log(path: Path) -> list[Event]:
    """Return the events of a log file in order; lines a crash left half-written are skipped."""
    events = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            events.append(from_json(line))
        except (json.JSONDecodeError, KeyError):
            continue
    return events
