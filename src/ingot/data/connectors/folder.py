"""Folders, files and globs of this machine.

Every file is hashed once: with a cache folder a file whose size, time and inode are unchanged is not read again. The
cache also remembers which files were there, so that the next snapshot can name those that are gone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ingot.core.errors import InputError
from ingot.core.storage import sha256_file, write_atomically
from ingot.data.local_files import LEFT_BEHIND, LocalFile, find_files
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot, SourceItem

_CACHE_FILE = "folder-hashes.json"
_SEEN_FOLDER = "folder-names"


@dataclass(frozen=True)
class Config:
    """Which folders, files or globs (`**` for any depth) to read, and which names to leave out wherever they occur."""

    paths: tuple[str, ...]
    exclude: tuple[str, ...] = LEFT_BEHIND
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads what `config.paths` name. `cache` is a folder to remember hashes and names in."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        self._hashes = _Remembered(cache and cache / _CACHE_FILE)
        roots = [os.path.abspath(os.path.expanduser(path)) for path in config.paths]
        name = hashlib.sha256(os.fsencode("\0".join([*roots, "", *config.exclude]))).hexdigest()[:16]
        self._names = _Remembered(cache and cache / _SEEN_FOLDER / f"{name}.json")

    def snapshot(self) -> Snapshot:
        """List every file with its hash, sorted by name, what was skipped, with the reason, and what is gone.

        Raises InputError for a path that does not exist and when there is not one file.
        """
        items: dict[str, SourceItem] = {}
        skipped: list[tuple[str, str]] = []
        for file in find_files(self._config.paths, self._config.exclude):
            try:
                items[file.uri] = self._item(file)
            except OSError as error:
                skipped.append((file.uri, error.strerror or str(error)))
        self._hashes.save()
        if not items:
            raise _no_files(self._config.paths, skipped)
        ordered = tuple(self._config.rights.fill(items[uri]) for uri in sorted(items))
        return Snapshot("folder", ordered, tuple(sorted(skipped)), self._vanished({*items, *dict(skipped)}))

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open an item of a snapshot. Raises OSError when what stands there now is no file."""
        # Without waiting: a pipe that took the place of a file would never answer.
        stream = open(item.locator, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            stream.close()
            raise OSError("not a regular file")
        return stream

    def _item(self, file: LocalFile) -> SourceItem:
        status = file.status()
        return SourceItem(file.uri, str(file.path), status.st_size, self._sha256(file.path, status), status.st_mtime)

    def _sha256(self, path: Path, status: os.stat_result) -> str:
        parts = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
        key = hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()
        known = self._hashes.values.get(key)
        if known is None:
            known = sha256_file(path)
            self._hashes.note(key, known)
        return known

    def _vanished(self, present: set[str]) -> tuple[tuple[str, str | None], ...]:
        for uri in present:
            self._names.note(uri, "")
        self._names.save()
        return tuple((uri, None) for uri in sorted(self._names.values) if uri not in present)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class _Remembered:
    """Words by key, kept in one small file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.values = self._loaded()
        self._has_news = False

    def _loaded(self) -> dict[str, str]:
        try:
            known = json.loads(self._path.read_text(encoding="utf-8")) if self._path else {}
        except (OSError, ValueError):  # absent, or torn by a crash: hashing again is all it costs
            return {}
        return known if isinstance(known, dict) else {}

    def note(self, key: str, value: str) -> None:
        self._has_news = self._has_news or self.values.get(key) != value
        self.values[key] = value

    def save(self) -> None:
        if self._path is not None and self._has_news:
            # Without a place for it nothing is lost but time; a home that cannot be made is refused where it is needed.
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self._path, json.dumps(self.values))
            self._has_news = False


def _no_files(paths: tuple[str, ...], skipped: list[tuple[str, str]]) -> InputError:
    return InputError(
        "there are no documents to read",
        where=", ".join(paths),
        why=f"{len(skipped)} entries were skipped, the first: {skipped[0][0]} ({skipped[0][1]})"
        if skipped
        else "it is empty",
        fix="give a folder that holds text, Markdown, HTML, code, CSV, JSON, PDF or Office files",
    )
