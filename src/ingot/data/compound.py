"""The streams of a compound file, the format of Outlook messages (.msg) and of Office before 2007.

A compound file is a small file system: sectors chained by a table, a directory of named entries, and a second, finer
set of sectors for short streams. Chains are followed only as far as the file has sectors, so one that bites its tail
ends. See [MS-CFB], version 3 and 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingot.core.errors import InputError

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER = struct.Struct("<8s16x2x2H2H6x8xI4x2I4xI4x")
_ENTRY = struct.Struct("<64sHBx3I36xII4x")
_LAST_SECTOR = 0xFFFFFFFA
_NOTHING = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_MOST_ENTRIES = 100_000


@dataclass(frozen=True)
class _Entry:
    name: str
    kind: int
    left: int
    right: int
    child: int
    start: int
    size: int


class Compound:
    """A compound file in memory. Raises InputError, at once or when a stream is read, when it is damaged."""

    def __init__(self, payload: bytes) -> None:
        try:
            self._open(payload)
        except (struct.error, IndexError, ValueError, UnicodeError) as error:
            raise _damaged() from error

    def _open(self, payload: bytes) -> None:
        magic, _, _, sector_shift, mini_shift, directory, self._cutoff, mini_start, more = _HEADER.unpack_from(payload)
        if magic != MAGIC:
            raise ValueError(magic)
        self._payload = payload
        self._sector_bytes = 1 << min(sector_shift, 16)
        self._mini_bytes = 1 << min(mini_shift, 16)
        self._next = self._table(payload, more)
        self._entries = [_entry(chunk) for chunk in self._split(self._chain(directory, self._next), _ENTRY.size)]
        self._mini_next = self._numbers(self._chain(mini_start, self._next))
        root = self._entries[0]
        self._mini = self._chain(root.start, self._next)[: root.size] if root.start < _LAST_SECTOR else b""
        self._paths = dict(self._walk(root.child, ""))

    def _table(self, payload: bytes, more: int) -> Sequence[int]:
        """Return the table of chains; the header lists its first 109 sectors, a chain of its own the rest."""
        places = list(struct.unpack_from("<109I", payload, _HEADER.size))
        per_sector = self._sector_bytes // 4 - 1
        for _ in range(len(payload) // self._sector_bytes):
            if more >= _LAST_SECTOR:
                break
            *listed, more = struct.unpack(f"<{per_sector + 1}I", self._sector(more))
            places += listed
        return self._numbers(b"".join(self._sector(place) for place in places if place < _LAST_SECTOR))

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self._sector_bytes
        if start >= len(self._payload):
            raise _damaged()
        return self._payload[start : start + self._sector_bytes].ljust(self._sector_bytes, b"\0")

    def _chain(self, start: int, following: Sequence[int]) -> bytes:
        return b"".join(self._sector(number) for number in _followed(start, following))

    def _walk(self, number: int, folder: str) -> Iterator[tuple[str, _Entry]]:
        """Yield the streams below a storage by path. The entries of a storage are a tree; depth-first, each once."""
        waiting = [(number, folder)]
        seen: set[int] = set()
        while waiting:
            number, folder = waiting.pop()
            if number == _NOTHING or number in seen or number >= len(self._entries):
                continue
            seen.add(number)
            entry = self._entries[number]
            path = f"{folder}{entry.name}"
            waiting += [(entry.right, folder), (entry.left, folder)]
            if entry.kind == _STREAM:
                yield path, entry
            elif entry.kind in (_STORAGE, _ROOT):
                waiting.append((entry.child, f"{path}/"))

    def names(self) -> list[str]:
        """Return the paths of all streams, such as `__attach_version1.0_#00000000/__substg1.0_37010102`."""
        return sorted(self._paths)

    def read(self, path: str) -> bytes:
        """Return a stream; an empty one when there is none of that path."""
        entry = self._paths.get(path)
        if entry is None:
            return b""
        if entry.size >= self._cutoff:
            return self._chain(entry.start, self._next)[: entry.size]
        size = self._mini_bytes
        parts = (self._mini[number * size : (number + 1) * size] for number in _followed(entry.start, self._mini_next))
        return b"".join(parts)[: entry.size]

    def _split(self, payload: bytes, size: int) -> list[bytes]:
        whole = min(len(payload) // size, _MOST_ENTRIES)
        return [payload[place * size : (place + 1) * size] for place in range(whole)]

    def _numbers(self, payload: bytes) -> Sequence[int]:
        return struct.unpack(f"<{len(payload) // 4}I", payload[: len(payload) // 4 * 4])


def _followed(start: int, following: Sequence[int]) -> Iterator[int]:
    number = start
    for _ in range(len(following)):
        if number >= len(following):
            return
        yield number
        number = following[number]


def _entry(chunk: bytes) -> _Entry:
    name, length, kind, left, right, child, start, size = _ENTRY.unpack(chunk)
    return _Entry(
        name[: max(0, min(length, 64) - 2)].decode("utf-16-le", errors="replace"), kind, left, right, child, start, size
    )


def _damaged() -> InputError:
    fix = "open it in the program that made it and save it again, or fetch it again"
    return InputError("it is damaged or incomplete", why="its inner file system cannot be followed", fix=fix)
