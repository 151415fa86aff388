"""Copies of what a source had to be asked for, in a folder of their own.

    bytes/ab/...   a file each, by SHA-256
    packs/...      small ones, such as rows, one after the other in few files

An item says by its locator where its bytes lie: in a file, or in a range of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from ingot.core.errors import InputError
from ingot.core.storage import room_on_disk
from ingot.flow.source import SourceItem

_RANGE = "range:"


@dataclass(frozen=True)
class Copy:
    """Bytes that lie in the cache now; `locator` is for :func:`open_copy`."""

    locator: str
    bytes: int
    sha256: str

    def as_item(self, uri: str, modified: float, **described: Any) -> SourceItem:
        """Return the item whose bytes these are."""
        return SourceItem(uri, self.locator, self.bytes, self.sha256, modified, **described)


class ByteCache:
    """The copies of one source. Storing is safe from several threads."""

    def __init__(self, folder: Path) -> None:
        self._files = folder / "bytes"
        self._packs = folder / "packs"
        self._sizes: dict[str, int] = {}
        self._pack: IO[bytes] | None = None
        self._packing = threading.Lock()

    def create(self) -> None:
        """Make the folders that are not there yet."""
        for folder in (self._files, self._packs):
            folder.mkdir(parents=True, exist_ok=True)

    def keep(self, chunks: Iterable[bytes]) -> Copy:
        """Store a copy as a file of its own. Raises SpaceError when the disk is full."""
        digest, size = hashlib.sha256(), 0
        with room_on_disk(self._files):
            descriptor, temporary = tempfile.mkstemp(dir=self._files)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    for chunk in chunks:
                        file.write(chunk)
                        digest.update(chunk)
                        size += len(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                path = self._path(digest.hexdigest())
                path.parent.mkdir(exist_ok=True)
                os.replace(temporary, path)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
        return Copy(str(path), size, digest.hexdigest())

    def pack(self, content: bytes) -> Copy:
        """Store a small copy behind the others. It is on the disk for good after the next `settle`."""
        with self._packing, room_on_disk(self._packs):
            if self._pack is None:
                self._pack = tempfile.NamedTemporaryFile(dir=self._packs, delete=False)  # noqa: SIM115 - filled by many calls
            start = self._pack.tell()
            self._pack.write(content)
            self._pack.flush()
            locator = range_locator(self._pack.name, start, start + len(content))
        return Copy(locator, len(content), hashlib.sha256(content).hexdigest())

    def settle(self) -> None:
        """Flush the pack that was written and begin no other in it."""
        if self._pack is not None:
            with room_on_disk(self._packs):
                os.fsync(self._pack.fileno())
            self._pack.close()
            self._pack = None

    def holds(self, item: SourceItem) -> bool:
        """Say whether the copy of an item is there; what lies outside the cache is taken to be."""
        if is_range(item.locator):
            path, _, end = range_of(item.locator)
            return self._size(path) >= end
        return item.locator != str(self._path(item.sha256)) or self._size(item.locator) == item.bytes

    def repack(self, living: Iterable[SourceItem]) -> dict[str, str]:
        """Write packs anew that hold more than these items: what is gone must not stay on the disk.

        Return the new locators by the old ones.
        """
        self.settle()
        by_pack: dict[str, list[SourceItem]] = {}
        for item in living:
            if is_range(item.locator) and range_of(item.locator)[0].startswith(f"{self._packs}/"):
                by_pack.setdefault(range_of(item.locator)[0], []).append(item)
        moved: dict[str, str] = {}
        for path, kept in by_pack.items():
            if sum(item.bytes for item in kept) != os.path.getsize(path):
                with open(path, "rb") as pack:
                    for item in kept:
                        pack.seek(range_of(item.locator)[1])
                        moved[item.locator] = self.pack(pack.read(item.bytes)).locator
        self.settle()
        return moved

    def sweep(self, living: Iterable[SourceItem]) -> None:
        """Delete what none of these items needs."""
        locators = {item.locator for item in living}
        needed = locators | {range_of(locator)[0] for locator in locators if is_range(locator)}
        for path in [*self._files.rglob("*"), *self._packs.iterdir()]:
            if path.is_file() and str(path) not in needed:
                path.unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        return self._files / sha256[:2] / sha256

    def _size(self, path: str) -> int:
        if path not in self._sizes:
            try:
                self._sizes[path] = os.stat(path).st_size
            except OSError:
                self._sizes[path] = -1
        return self._sizes[path]


def range_locator(path: str, start: int, end: int) -> str:
    """Return the locator of a part of a file.

    >>> range_of(range_locator("/mail/inbox", 10, 20))
    ('/mail/inbox', 10, 20)
    """
    return f"{_RANGE}{start}-{end}:{path}"


def is_range(locator: str) -> bool:
    """Say whether a locator names a part of a file. Files are named by absolute paths, so the two never look alike."""
    return locator.startswith(_RANGE)


def range_of(locator: str) -> tuple[str, int, int]:
    """Return path, start and end of a part of a file."""
    _, limits, path = locator.split(":", 2)
    start, _, end = limits.partition("-")
    return path, int(start), int(end)


def open_copy(item: SourceItem) -> BinaryIO:
    """Open an item that is a file, or a part of one. Raises InputError when a later snapshot has swept it away."""
    try:
        if not is_range(item.locator):
            return open(item.locator, "rb")
        path, start, end = range_of(item.locator)
        with open(path, "rb") as file:
            file.seek(start)
            return io.BytesIO(file.read(end - start))
    except FileNotFoundError:
        raise InputError(
            "its copy is gone", why="a newer look at the source has replaced it", fix="run the build again"
        ) from None


def is_sound(item: SourceItem) -> bool:
    """Say whether the bytes of an item are what was hashed."""
    try:
        with open_copy(item) as stream:
            return hashlib.sha256(stream.read()).hexdigest() == item.sha256
    except (OSError, InputError):
        return False
