"""Shard tasks: the pieces of one step, each done once, whoever does them and whatever dies meanwhile.

A task is a function of literals that fills one folder::

    def curate_shard(request: Mapping[str, Any], context: TaskContext) -> Facts

It writes into a folder of another name, which takes its own together with a note of the facts once it is whole. So a
folder with a name is finished, a step that runs again skips it, and a killed run loses at most the piece each worker
was at. A piece that an earlier version of the artifact has for the same request is taken from there. Who does the rest
is the executor's business: processes of this machine, or those of a cluster.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ingot.core.errors import from_fields
from ingot.core.events import Emit
from ingot.core.plugins import resolve
from ingot.core.storage import (
    fsync_tree,
    link_tree,
    move_into_place,
    remove_torn,
    remove_tree,
    room_on_disk,
    write_atomically,
)
from ingot.flow.outcome import in_words

NOTE_FILE = "task.json"

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """One piece of a step: the name of its folder, its literals, and its share of the work (bytes, or any measure)."""

    name: str
    request: Mapping[str, Any]
    size: int = 1


@dataclass(frozen=True)
class TaskContext:
    """Where a task runs: the empty folder to fill, cores to use, where to report."""

    folder: Path
    cores: int
    emit: Emit


@dataclass(frozen=True)
class Call:
    """A task as a pool is asked for it: plain data that can cross any process boundary."""

    run: str
    name: str
    request: Mapping[str, Any]
    out: str


class Pool(Protocol):
    """Processes that perform calls: yields what `perform` returned for each, as they end, in any order.

    A worker that dies costs its call another attempt. Raises KilledError when a call's workers keep dying.
    """

    def map(self, calls: Iterable[Call]) -> Iterator[dict[str, Any]]: ...


class Here:
    """The pool of one: this process."""

    def map(self, calls: Iterable[Call]) -> Iterator[dict[str, Any]]:
        """Perform one call after another."""
        return map(perform, calls)


def silent(kind: str, /, **_: Any) -> None:
    """Report to nobody."""


class Tasks:
    """What a step divides its work with; made of nothing, it does all of it in this process."""

    def __init__(
        self,
        open_pool: Callable[[int], Pool] = lambda _: Here(),
        cores: int = 1,
        emit: Emit = silent,
        earlier: Path | None = None,
    ) -> None:
        """`earlier` is the folder of the version of this artifact that was made last."""
        self._open_pool = open_pool
        self._cores = cores
        self._emit = emit
        self._earlier = earlier

    def run(self, reference: str, tasks: Sequence[Task], out: Path, unit: str = "bytes") -> list[Facts]:
        """Do every task that is not done yet, into `out`/<its name>, and return all facts in the order of the tasks.

        Raises what a task raised; what others finished stays for the next time.
        """
        out.mkdir(parents=True, exist_ok=True)
        remove_torn(out)
        calls = [Call(reference, task.name, task.request, str(out)) for task in tasks]
        if self._earlier is not None:
            take_over(calls, self._earlier / out.name)
        notes = {call.name: note for call in calls if (note := finished(call)) is not None}
        waiting = [call for call in calls if call.name not in notes]
        sizes = {task.name: task.size for task in tasks}
        done, total = sum(sizes[name] for name in notes), sum(sizes.values())
        for note in notes.values():
            self._repeat(note["events"])
        for outcome in self._perform(waiting):
            if "error" in outcome:
                raise from_fields(outcome["error"])
            notes[outcome["name"]] = outcome
            done += sizes[outcome["name"]]
            self._repeat(outcome["events"])
            if len(tasks) > 1:
                self._emit("progress", done=done, total=total, unit=unit)
        remove_torn(out)  # left by workers that died on the way; others did their pieces
        return [notes[call.name]["facts"] for call in calls]

    def _perform(self, calls: Sequence[Call]) -> Iterator[dict[str, Any]]:
        if len(calls) == 1:
            # Alone it may have all cores, and report as it goes.
            yield perform(calls[0], self._cores, self._emit)
        elif calls:
            yield from self._open_pool(min(self._cores, len(calls))).map(calls)

    def _repeat(self, events: Iterable[Mapping[str, Any]]) -> None:
        for event in events:
            self._emit(event["kind"], **{name: value for name, value in event.items() if name != "kind"})


def take_over(calls: Iterable[Call], earlier: Path) -> None:
    """Link the pieces an earlier version finished for the same requests, whatever their names were there."""
    known = {note["digest"]: path.parent for path in earlier.glob(f"*/{NOTE_FILE}") if (note := _note_in(path.parent))}
    for call in calls:
        folder = known.get(_digest(call))
        if folder is None or finished(call) is not None:
            continue
        copy = Path(call.out) / f".{call.name}.{uuid.uuid4().hex}.tmp"
        link_tree(folder, copy)
        (copy / NOTE_FILE).unlink()  # or the name below would be written into the earlier version's note
        note = {**_read(folder), "name": call.name}
        write_atomically(copy / NOTE_FILE, json.dumps(note))
        _take_name(copy, Path(call.out) / call.name)


def _note_in(folder: Path) -> dict[str, Any] | None:
    try:
        return _read(folder)
    except (OSError, ValueError):
        return None


def finished(call: Call) -> dict[str, Any] | None:
    """Return the note of a finished call, or None when it is to be done (again)."""
    note = _note_in(Path(call.out) / call.name)
    return note if note is not None and note.get("digest") == _digest(call) else None


def perform(call: Call, cores: int = 1, progress: Emit | None = None) -> dict[str, Any]:
    """Do one call in this process; return its note, or {"error": fields}. Events wait in the note, but for progress."""
    if (done := finished(call)) is not None:  # by a worker that died before it could say so
        return done
    events: list[dict[str, Any]] = []

    def emit(kind: str, /, **fields: Any) -> None:
        if kind != "progress":
            events.append({"kind": kind, **fields})
        elif progress is not None:
            progress(kind, **fields)

    out = Path(call.out)
    folder = out / f".{call.name}.{uuid.uuid4().hex}.tmp"
    try:
        with room_on_disk(out):
            folder.mkdir()
            facts = resolve(call.run)(call.request, TaskContext(folder, cores, emit))
            written = {"name": call.name, "digest": _digest(call), "facts": dict(facts), "events": events}
            write_atomically(folder / NOTE_FILE, json.dumps(written, default=_as_plain))
            note = _read(folder)
            fsync_tree(folder)
            _take_name(folder, out / call.name)
        return note
    except Exception as error:
        return {"name": call.name, "error": in_words(error, call.name, call.run).as_fields()}
    finally:
        remove_tree(folder)


def _read(folder: Path) -> dict[str, Any]:
    note: dict[str, Any] = json.loads((folder / NOTE_FILE).read_text(encoding="utf-8"))
    return note


def _take_name(folder: Path, target: Path) -> None:
    # A note that does not fit was left by another request; a second worker's equal folder may stand there already.
    remove_tree(target)
    move_into_place(folder, target)


def _digest(call: Call) -> str:
    literals = json.dumps([call.run, call.request], sort_keys=True, default=_as_plain)
    return hashlib.sha256(literals.encode("ascii")).hexdigest()


def _as_plain(value: Any) -> Any:
    """Return a numpy scalar or a path as a JSON literal."""
    return value.item() if hasattr(value, "item") else str(value)
