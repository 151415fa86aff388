"""What is known of a source from one snapshot to the next.

    <cache>/sources/<connector>-<digest of the place>/
        known.jsonl        a line for every item: version, hash, where its bytes lie; later lines win
        bytes/, packs/     copies of what had to be fetched or unpacked (data/byte_cache)

Every item is written down the moment it is there, so a snapshot that was interrupted goes on where it stopped. What an
earlier snapshot held and the source no longer has keeps its line, marked as gone, and is reported until it is back; its
copy is deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from filelock import FileLock, Timeout

from ingot.core.errors import BusyError, InputError, UsageError
from ingot.core.storage import fsync_folder, room_on_disk
from ingot.data.byte_cache import ByteCache, Copy, is_range, is_sound
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot, SourceItem, item_from_literals

_FOLDER = "sources"
_STATE_FILE = "known.jsonl"
_PATIENCE_SECONDS = 60.0
_SETTLED = b'{"settled": true}\n'
_FIELDS = tuple(each.name for each in fields(SourceItem))
_ALWAYS = ("uri", "locator", "bytes", "sha256", "modified")


@dataclass(frozen=True)
class Known:
    """An item as it was last seen. `notes` are the connector's own (an etag), `part` is what it came out of."""

    item: SourceItem
    notes: Mapping[str, str] = field(default_factory=dict)
    part: str = ""
    is_gone: bool = False


class SourceState:
    """The state of one source; a context manager, so that two builds do not look at the same source at once.

    `place` is everything in the config that says which source it is; credentials and limits do not belong to it.
    """

    def __init__(self, cache: Path | None, connector: str, place: object) -> None:
        if cache is None:
            raise UsageError(f"the connector {connector!r} needs a cache folder", fix="give it one: cache=Path(...)")
        digest = hashlib.sha256(json.dumps(place, sort_keys=True).encode()).hexdigest()[:16]
        self._begin(cache / _FOLDER / f"{connector}-{digest}", connector)

    @classmethod
    def at(cls, folder: Path) -> SourceState:
        """Return the state that lies in one of the folders of `states_of`."""
        state = cls.__new__(cls)
        state._begin(folder, folder.name.rpartition("-")[0])
        return state

    def _begin(self, folder: Path, connector: str) -> None:
        self.folder = folder
        self._connector = connector
        self._copies = ByteCache(self.folder)
        self._known: dict[tuple[str, str], Known] = {}
        self._stamps: dict[str, str] = {}
        self._by_part: dict[str, list[SourceItem]] | None = None
        self._journal: IO[str] | None = None
        self._writing = threading.Lock()

    def __enter__(self) -> SourceState:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds documents
        self._lock = FileLock(self.folder / "lock")
        try:
            self._lock.acquire(timeout=_PATIENCE_SECONDS)
        except Timeout:
            fix = "wait until it is done, then run the same command again"
            raise BusyError("another build is looking at this source", where=self._connector, fix=fix) from None
        self._copies.create()
        self._load()
        self._journal = (self.folder / _STATE_FILE).open("a", encoding="utf-8")
        self._journal.write("\n")  # a crash may have torn the last line: the next one begins on its own
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._copies.settle()
        if self._journal is not None:
            self._journal.close()
        self._lock.release()

    def known(self, uri: str, part: str = "") -> Known | None:
        """Return what is known of an item that was there and whose copy, where it has one, still is."""
        known = self._known.get((part, uri))
        return known if known is not None and not known.is_gone and self._copies.holds(known.item) else None

    def keep(self, chunks: Iterable[bytes]) -> Copy:
        """Store a copy as a file of its own. Raises SpaceError when the disk is full."""
        return self._copies.keep(chunks)

    def pack(self, content: bytes) -> Copy:
        """Store a small copy behind others."""
        return self._copies.pack(content)

    def remember(self, item: SourceItem, part: str = "", **notes: str) -> SourceItem:
        """Write an item down at once, and return it. `part` names what it came out of, if that holds many."""
        self._note(Known(item, notes, part))
        return item

    def stamp(self, part: str) -> str:
        """Return the stamp that a part of the source, such as a file with many items, was left with."""
        return self._stamps.get(part, "")

    def remember_part(self, part: str, stamp: str, items: Iterable[SourceItem]) -> None:
        """Say that a part holds exactly these items, which were remembered with it; nothing else of it is there."""
        present = {item.uri for item in items}
        for item in self.items_of(part):
            if item.uri not in present:
                self._note(Known(_tombstone(item), {}, part, is_gone=True))
        self._stamps[part] = stamp
        self._write({"part": part, "stamp": stamp})

    def keep_parts(self, parts: Iterable[str]) -> None:
        """Say that these are all the parts there are; those that are gone hold nothing any more."""
        for part in set(self._stamps) - set(parts):
            self.remember_part(part, "", [])

    def items_of(self, part: str) -> list[SourceItem]:
        """Return the items that were remembered with this part and are still there."""
        if self._by_part is None:
            self._by_part = {}
            for (name, _), known in self._known.items():
                if not known.is_gone:
                    self._by_part.setdefault(name, []).append(known.item)
        return self._by_part.get(part, [])

    def finish(
        self, items: Iterable[SourceItem], skipped: Iterable[tuple[str, str]] = (), rights: Rights | None = None
    ) -> Snapshot:
        """Return the snapshot of these (remembered) items, mark what vanished, delete the copies nobody needs any more.

        What was skipped may still be there: it neither vanishes nor loses its copy. Raises InputError when there is
        nothing at all.
        """
        present = {item.uri: item for item in items}
        failed = dict(skipped)
        if not present:
            raise _nothing(self._connector, failed)
        self._mark_gone(present, failed)
        moved = self._copies.repack(self._living())
        self._move(moved)
        self._rewrite()
        self._copies.sweep(self._living())
        ordered = (present[uri] for uri in sorted(present))
        current = (replace(item, locator=moved.get(item.locator, item.locator)) for item in ordered)
        filled = tuple((rights or Rights()).fill(item) for item in current)
        gone = {known.item.uri: known.item.version for known in self._known.values() if known.is_gone}
        return Snapshot(self._connector, filled, tuple(sorted(failed.items())), tuple(sorted(gone.items())))

    def forget(self, is_meant: Callable[[str], bool]) -> None:
        """Delete what is known of the items with such URIs, their copies, and every copy nobody needs any more.

        The items are new to the next snapshot, which looks into what they came out of again.
        """
        for part, uri in [key for key in self._known if is_meant(key[1])]:
            del self._known[part, uri]
            self._stamps.pop(part, None)
        self._move(self._copies.repack(self._living()))
        self._rewrite()
        self._copies.sweep(self._living())

    def _living(self) -> list[SourceItem]:
        return [known.item for known in self._known.values() if not known.is_gone]

    def _mark_gone(self, present: Mapping[str, SourceItem], failed: Mapping[str, str]) -> None:
        for key, known in list(self._known.items()):
            uri = known.item.uri
            if known.is_gone and uri in present:
                del self._known[key]  # it is back
            elif not known.is_gone and uri not in present and uri not in failed:
                self._known[key] = Known(_tombstone(known.item), {}, known.part, is_gone=True)

    def _move(self, moved: Mapping[str, str]) -> None:
        for key, known in self._known.items():
            if known.item.locator in moved:
                item = replace(known.item, locator=moved[known.item.locator])
                self._known[key] = replace(known, item=item)

    def _note(self, known: Known) -> None:
        self._known[known.part, known.item.uri] = known
        self._by_part = None
        self._write(_line(known))

    def _write(self, line: Mapping[str, Any]) -> None:
        assert self._journal is not None, "a state is used inside its `with` block"
        with self._writing, room_on_disk(self.folder):
            self._journal.write(json.dumps(line) + "\n")
            self._journal.flush()

    def _load(self) -> None:
        path = self.folder / _STATE_FILE
        if not path.exists():
            return
        with path.open("rb") as file:
            settled = max((number for number, line in enumerate(file) if line == _SETTLED), default=-1)
        for number, line in _lines(path):
            if "stamp" in line:
                self._stamps[line["part"]] = line["stamp"]
            elif "item" in line:
                item, part = item_from_literals(line["item"]), line.get("part", "")
                # The last snapshot may have ended with a power cut: its packs may hold less than its lines say.
                if number < settled or not is_range(item.locator) or is_sound(item):
                    self._known[part, item.uri] = Known(item, line.get("notes", {}), part, line.get("is_gone", False))

    def _rewrite(self) -> None:
        """Write the state anew, one line an item, and say that everything before this was on the disk by then."""
        temporary = self.folder / f".{_STATE_FILE}.tmp"
        with room_on_disk(self.folder), temporary.open("wb") as file:
            for known in self._known.values():
                file.write(json.dumps(_line(known)).encode() + b"\n")
            for part, stamp in self._stamps.items():
                if stamp:
                    file.write(json.dumps({"part": part, "stamp": stamp}).encode() + b"\n")
            file.write(_SETTLED)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.folder / _STATE_FILE)
        fsync_folder(self.folder)


def states_of(cache: Path) -> list[Path]:
    """Return the folders of all sources a cache knows."""
    return sorted(path.parent for path in (cache / _FOLDER).glob(f"*/{_STATE_FILE}"))


def _line(known: Known) -> dict[str, Any]:
    named = ((name, getattr(known.item, name)) for name in _FIELDS)
    line: dict[str, Any] = {"item": {name: value for name, value in named if value or name in _ALWAYS}}
    if known.part:
        line["part"] = known.part
    if known.notes:
        line["notes"] = dict(known.notes)
    if known.is_gone:
        line["is_gone"] = True
    return line


def _tombstone(item: SourceItem) -> SourceItem:
    """Return what is kept of an item that is gone: its name and version, nothing of its content."""
    return SourceItem(item.uri, "", 0, "", 0.0, version=item.version)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the lines that are whole, numbered; a crash may have torn the last one."""
    with path.open("rb") as file:
        for number, line in enumerate(file):
            try:
                yield number, json.loads(line)
            except ValueError:
                continue


def _nothing(connector: str, skipped: Mapping[str, str]) -> InputError:
    first = next(iter(sorted(skipped.items())), None)
    return InputError(
        "there are no documents to read",
        where=connector,
        why=f"{len(skipped)} entries were skipped, the first: {first[0]} ({first[1]})" if first else "it is empty",
        fix="check what the source's options choose",
    )
