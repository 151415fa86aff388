"""Folders, files and globs of this machine.

A snapshot walks in sorted order, follows no link out of its root (and so into no loop), and hashes every file once:
with a cache folder a file whose size, time and inode are unchanged is not read again. Names are relative to the root,
so the same content elsewhere is the same input; with several roots each name starts with its root's.
"""

from __future__ import annotations

import contextlib
import fnmatch
import glob
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

from ingot.core.errors import InputError, suggest
from ingot.core.storage import sha256_file, write_atomically
from ingot.flow.source import Snapshot, SourceItem

_CACHE_FILE = "folder-hashes.json"
_GLOB = frozenset("*?[")


@dataclass(frozen=True)
class Config:
    """Which folders, files or globs (`**` for any depth) to read, and which names to leave out wherever they occur."""

    paths: tuple[str, ...]
    exclude: tuple[str, ...] = (
        *(".git", ".hg", ".svn", ".bzr", "node_modules", "bower_components", "__pycache__", "site-packages"),
        *(".venv", "venv", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints"),
        *(
            ".idea",
            ".vscode",
            ".cache",
            ".DS_Store",
            "Thumbs.db",
            "desktop.ini",
            "*~",
            "~$*",
            "*.swp",
            "*.tmp",
            "*.part",
        ),
    )


@dataclass(frozen=True)
class _Root:
    path: Path
    files: tuple[Path, ...]  # what a glob named; empty for a folder, which is walked


class Connector:
    """Reads what `config.paths` name. `cache` is a folder to remember hashes in."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        self._cache = _HashCache(cache)

    def snapshot(self) -> Snapshot:
        """List every file with its hash, sorted by name, and what was skipped, with the reason.

        Raises InputError for a path that does not exist and when there is not one file.
        """
        roots = [_root(path) for path in self._config.paths]
        names = _distinct([root.path.name for root in roots])
        items: dict[str, SourceItem] = {}
        skipped: list[tuple[str, str]] = []
        for root, name in zip(roots, names, strict=True):
            prefix = f"{name}/" if len(roots) > 1 else ""
            for path, reason in self._entries(root):
                uri = _printable(prefix + _relative(path, root))
                try:
                    if reason:
                        raise OSError(reason)
                    items[uri] = self._item(uri, path)
                except OSError as error:
                    skipped.append((uri, error.strerror or str(error)))
        self._cache.save()
        if not items:
            raise _no_files(self._config.paths, skipped)
        return Snapshot("folder", tuple(items[uri] for uri in sorted(items)), tuple(sorted(skipped)))

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open an item of a snapshot."""
        return open(item.locator, "rb")

    def _entries(self, root: _Root) -> Iterator[tuple[Path, str]]:
        if root.files:
            for path in root.files:
                yield from self._walk(path, root.path) if path.is_dir() else [(path, "")]
        elif root.path.is_dir():
            yield from self._walk(root.path, root.path)
        else:
            yield root.path, ""

    def _walk(self, folder: Path, root: Path) -> Iterator[tuple[Path, str]]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield folder, error.strerror or str(error)
            return
        for entry in entries:
            path = Path(entry.path)
            if self._is_excluded(entry.name):
                continue
            if entry.is_symlink() and not _is_file_within(path, root):
                yield path, "a link that leads out of the folder, to a folder or nowhere"
            elif entry.is_dir(follow_symlinks=False):
                yield from self._walk(path, root)
            else:
                yield path, ""

    def _is_excluded(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._config.exclude)

    def _item(self, uri: str, path: Path) -> SourceItem:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        return SourceItem(uri, str(path), status.st_size, self._cache.sha256(path, status), status.st_mtime)


class _HashCache:
    """SHA-256 by (path, size, mtime in nanoseconds, inode), kept in one small file."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / _CACHE_FILE
        self._known = self._loaded()
        self._has_news = False

    def _loaded(self) -> dict[str, str]:
        try:
            known = json.loads(self._path.read_text(encoding="utf-8")) if self._path else {}
        except (OSError, ValueError):  # absent, or torn by a crash: hashing again is all it costs
            return {}
        return known if isinstance(known, dict) else {}

    def sha256(self, path: Path, status: os.stat_result) -> str:
        parts = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
        key = hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()
        if key not in self._known:
            self._known[key] = sha256_file(path)
            self._has_news = True
        return self._known[key]

    def save(self) -> None:
        if self._path is not None and self._has_news:
            # Without a place for it nothing is lost but time; a home that cannot be made is refused where it is needed.
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self._path, json.dumps(self._known))
            self._has_news = False


def _root(text: str) -> _Root:
    path = Path(os.path.abspath(os.path.expanduser(text)))
    if path.exists():
        return _Root(path, ())
    if _GLOB & set(text):
        fixed = Path(*_before_glob(path))
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True, include_hidden=False))
        if found:
            return _Root(fixed, _without_nested(found))
        raise InputError(
            f"no file matches {text!r}", where=str(fixed), fix="check the pattern; ** stands for any depth"
        )
    parent = path.parent
    siblings = (
        sorted(entry.name for entry in parent.iterdir()) if parent.is_dir() and os.access(parent, os.R_OK) else []
    )
    near = suggest(path.name, siblings)
    raise InputError(
        f"there is no file or folder {text!r}",
        where=str(parent),
        why="" if parent.is_dir() else "the folder above it does not exist either",
        fix=near if near.startswith("did you mean") else "check the path",
    )


def _before_glob(path: Path) -> Iterator[str]:
    for part in path.parts[:-1]:
        if _GLOB & set(part):
            return
        yield part


def _without_nested(found: list[Path]) -> tuple[Path, ...]:
    """Drop what lies below a folder of the list, which is walked anyway."""
    folders = {path for path in found if path.is_dir() and not path.is_symlink()}
    return tuple(path for path in found if not folders & set(path.parents))


def _relative(path: Path, root: _Root) -> str:
    return path.name if path == root.path else path.relative_to(root.path).as_posix()


def _distinct(names: list[str]) -> list[str]:
    """Number names that occur more than once: docs, docs-2."""
    result: list[str] = []
    for name in names:
        candidates = (name if number == 1 else f"{name}-{number}" for number in count(1))
        result.append(next(candidate for candidate in candidates if candidate not in result))
    return result


def _printable(name: str) -> str:
    """Return a file name that no encoding could hold with its odd bytes written out, so that tables can hold it."""
    return os.fsencode(name).decode("utf-8", errors="backslashreplace")


def _is_file_within(path: Path, root: Path) -> bool:
    try:
        target = path.resolve()
    except RuntimeError:  # a link that leads to itself, in Python before 3.13
        return False
    return target.is_file() and target.is_relative_to(root.resolve())


def _no_files(paths: tuple[str, ...], skipped: list[tuple[str, str]]) -> InputError:
    return InputError(
        "there are no documents to read",
        where=", ".join(paths),
        why=f"{len(skipped)} entries were skipped, the first: {skipped[0][0]} ({skipped[0][1]})"
        if skipped
        else "it is empty",
        fix="give a folder that holds text, Markdown, HTML, code, CSV, JSON, PDF or Office files",
    )
