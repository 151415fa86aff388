"""Files that hold many items: mailboxes, tables, archives, exports. Each is listed by a confined process.

A function of the connector says what is in a file; it runs in the sandbox, because a container is foreign bytes like
any document. It yields an :class:`Entry` per item, with its bytes, which go into the cache, or with the range of the
file that is the item. A file whose size, time and inode are unchanged is not opened again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, NamedTuple

from ingot.core.confinement import Limits
from ingot.core.sandbox import Finished, Result, Sandbox
from ingot.core.storage import sha256_file
from ingot.data.byte_cache import Copy, range_locator
from ingot.data.connector_state import SourceState
from ingot.data.local_files import LocalFile
from ingot.flow.source import SourceItem, item_from_literals

_LIMITS = Limits(memory_bytes=3 << 30, timeout_seconds=120.0)
_PIECE_BYTES = 8 << 20
_PACKED_BYTES = 256 << 10

SAME_NAME = "another item has the same name"


@dataclass(frozen=True)
class Entry:
    """An item found in a container, as it crosses the wall of the sandbox; with a `reason`, one that was refused.

    `body` is base64, and `has_more` says that the next entry goes on with it. Without a body `start` and `end` are the
    item's place in the container, and `sha256` the hash of what is there; `is_known` says that it is as it was at the
    last snapshot. `described` holds fields of SourceItem, `notes` what the connector wants to know the next time.
    """

    uri: str
    body: str = ""
    has_more: bool = False
    start: int = 0
    end: int = 0
    sha256: str = ""
    modified: float = 0.0
    reason: str = ""
    is_known: bool = False
    described: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


Literals = dict[str, Any]


def with_body(
    uri: str,
    content: Iterable[bytes],
    modified: float = 0.0,
    notes: Mapping[str, str] | None = None,
    **described: Any,
) -> Iterator[Literals]:
    """Yield an item that brings its bytes along, in pieces that one message can hold."""
    held = bytearray()
    for chunk in content:
        held += chunk
        while len(held) > _PIECE_BYTES:
            yield _literals(Entry(uri, _encoded(held[:_PIECE_BYTES]), has_more=True))
            del held[:_PIECE_BYTES]
    yield _literals(Entry(uri, _encoded(held), modified=modified, described=described, notes=notes or {}))


def at_range(uri: str, start: int, content: bytes, modified: float = 0.0, **described: Any) -> Literals:
    """Return an item that is a part of the container; only its hash is kept."""
    digest = hashlib.sha256(content).hexdigest()
    entry = Entry(uri, start=start, end=start + len(content), sha256=digest, modified=modified, described=described)
    return _literals(entry)


def unchanged(uri: str) -> Literals:
    """Return an item that is as it was at the last snapshot."""
    return _literals(Entry(uri, is_known=True))


def refused(uri: str, reason: str) -> Literals:
    """Return an item that cannot be taken."""
    return _literals(Entry(uri, reason=reason))


def list_containers(
    state: SourceState, files: Sequence[LocalFile], function: str, options: Mapping[str, Any]
) -> tuple[list[SourceItem], list[tuple[str, str]]]:
    """Return the items of all files, and (uri, reason) of what could not be taken.

    `function` is a reference such as `ingot.data.connectors.mailbox:messages`, called in the sandbox with {"uri",
    **options} and the open file. Of two items with the same name in one file the first one stays; of those in
    several files the one of the last.
    """
    found: dict[str, _Found] = {}
    changed: list[tuple[LocalFile, str]] = []
    for file in files:
        part = str(file.path)
        try:
            stamp = _stamp(file, options)
        except OSError as error:
            found[part] = _Found([], _all_skipped(state, file, error.strerror or str(error)))
            continue
        known_stamp, _, known_refusals = state.stamp(part).partition("\n")
        if known_stamp == stamp and _is_whole(state, part):
            found[part] = _Found(state.items_of(part), json.loads(known_refusals))
        else:
            changed.append((file, stamp))
    for file, stamp, entries in _listed(function, changed, options):
        part = str(file.path)
        items, refusals = take(state, part, entries)
        if file.uri in refusals:  # its listing broke off: what it held before may still be there, and it is tried again
            refusals = {**_all_skipped(state, file, refusals[file.uri]), **refusals}
        else:
            state.remember_part(part, f"{stamp}\n{json.dumps(refusals)}", items)
        found[part] = _Found(items, refusals)
    state.keep_parts(str(file.path) for file in files)
    ordered = [found[str(file.path)] for file in files]
    items_by_uri = {item.uri: item for each in ordered for item in each.items}
    skipped = {uri: why for each in ordered for uri, why in each.skipped.items() if uri not in items_by_uri}
    return list(items_by_uri.values()), list(skipped.items())


class _Found(NamedTuple):
    items: Sequence[SourceItem]
    skipped: Mapping[str, str]


def _all_skipped(state: SourceState, file: LocalFile, reason: str) -> dict[str, str]:
    """Skip a whole file with everything it was known to hold."""
    return {file.uri: reason, **{item.uri: reason for item in state.items_of(str(file.path))}}


def file_item(state: SourceState, file: LocalFile, **described: Any) -> SourceItem:
    """Return the item that a file of its own is; unchanged in size, time and inode it is not read again.

    Raises OSError when it cannot be read.
    """
    status = file.status()
    stamp = f"{file.path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
    known = state.known(file.uri)
    if known is not None and known.notes.get("stamp") == stamp:
        return known.item
    place = (file.uri, str(file.path), status.st_size, sha256_file(file.path), status.st_mtime)
    return state.remember(SourceItem(*place, **described), stamp=stamp)


def _stamp(file: LocalFile, options: Mapping[str, Any]) -> str:
    status = file.status()
    parts = (file.uri, status.st_size, status.st_mtime_ns, status.st_ino, json.dumps(options, sort_keys=True))
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()


def _is_whole(state: SourceState, part: str) -> bool:
    return all(state.known(item.uri, part) is not None for item in state.items_of(part))


def _listed(
    function: str, changed: Sequence[tuple[LocalFile, str]], options: Mapping[str, Any]
) -> Iterator[tuple[LocalFile, str, Iterator[Entry]]]:
    """Yield each changed file with its entries, which must be taken before the next file."""
    paths = [os.fspath(file.path) for file, _ in changed]
    tasks = [{"number": number, "uri": file.uri, **options} for number, (file, _) in enumerate(changed)]

    def open_file(task: Mapping[str, Any]) -> BinaryIO:
        return open(paths[task["number"]], "rb")

    with Sandbox(function, workers=min(2, len(changed)), limits=_LIMITS) as sandbox:
        words = sandbox.map(tasks, open_file)
        for file, stamp in changed:
            yield file, stamp, heard(words, file.uri)


def take(state: SourceState, part: str, entries: Iterator[Entry]) -> tuple[list[SourceItem], dict[str, str]]:
    """Remember the entries of one part of a source; return its items, and the reason for each that was refused."""
    items: dict[str, SourceItem] = {}
    refusals: dict[str, str] = {}
    for entry in entries:
        known = state.known(entry.uri, part) if entry.is_known else None
        copy: Copy | None = None
        if not (known or entry.sha256 or entry.reason):
            bodies = _Bodies(entry, entries)
            copy = state.keep(bodies) if entry.has_more or len(entry.body) > _PACKED_BYTES else state.pack(*bodies)
            entry = bodies.last
        if entry.reason:
            refusals[entry.uri] = entry.reason
        elif entry.uri in items:
            refusals[f"{entry.uri} (again)"] = SAME_NAME
        elif known is not None:
            items[entry.uri] = known.item
        else:
            item = _range(part, entry) if copy is None else _described(entry, copy)
            items[entry.uri] = state.remember(item, part, **entry.notes)
    return list(items.values()), refusals


def heard(words: Iterator[Result | Finished], uri: str) -> Iterator[Entry]:
    """Yield the entries of one task of a sandbox; when it broke off, the last one refuses `uri` with the reason."""
    for word in words:
        if not isinstance(word, Finished):
            yield Entry(**word.value)
            continue
        if word.failure is not None:
            why = word.failure.why
            yield Entry(uri, reason=f"{word.failure.what}: {why}" if why else word.failure.what)
        return


def _range(path: str, entry: Entry) -> SourceItem:
    locator = range_locator(path, entry.start, entry.end)
    literals = {"uri": entry.uri, "locator": locator, "bytes": entry.end - entry.start, "sha256": entry.sha256}
    return item_from_literals({**literals, "modified": entry.modified, **entry.described})


def _described(entry: Entry, copy: Copy) -> SourceItem:
    described = {**entry.described, "access": tuple(entry.described.get("access", ()))}
    return copy.as_item(entry.uri, entry.modified, **described)


class _Bodies:
    """The bytes of one item, from its first entry to its last, which describes it, or says that it broke off."""

    def __init__(self, first: Entry, more: Iterator[Entry]) -> None:
        self.last = first
        self._more = more

    def __iter__(self) -> Iterator[bytes]:
        yield base64.b64decode(self.last.body)
        while self.last.has_more:
            self.last = next(self._more, Entry(self.last.uri, reason="it breaks off"))
            yield base64.b64decode(self.last.body)


def _encoded(content: bytes | bytearray) -> str:
    return base64.b64encode(content).decode("ascii")


def _literals(entry: Entry) -> Literals:
    return {name: value for name, value in asdict(entry).items() if value or name == "uri"}
