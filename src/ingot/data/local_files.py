"""Which files of this machine a list of folders, files and globs names, in a fixed order.

A walk goes in sorted order and follows no link out of its root (and so into no loop). Names are relative to the root,
so the same content elsewhere has the same names; with several roots each name starts with its root's.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ingot.core.errors import InputError, suggest

_GLOB = frozenset("*?[")
_SHOWN = 80  # characters of a path that is too long to be one
# What tools leave behind beside documents.
LEFT_BEHIND = (
    *(".git", ".hg", ".svn", ".bzr", "node_modules", "bower_components", "__pycache__", "site-packages"),
    *(".venv", "venv", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints"),
    *(".idea", ".vscode", ".cache", ".DS_Store", "Thumbs.db", "desktop.ini", "*~", "~$*", "*.swp", "*.tmp", "*.part"),
)


@dataclass(frozen=True)
class LocalFile:
    """A file with its stable name; `reason` says why it cannot be taken, if it cannot."""

    uri: str
    path: Path
    reason: str = ""

    def status(self) -> os.stat_result:
        """Return the status of a regular file. Raises OSError, with the reason in words, for everything else."""
        if self.reason:
            raise OSError(self.reason)
        status = self.path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        return status


@dataclass(frozen=True)
class _Root:
    path: Path
    files: tuple[Path, ...]  # what a glob named; empty for a folder, which is walked


def find_files(paths: Sequence[str], exclude: Sequence[str] = LEFT_BEHIND) -> Iterator[LocalFile]:
    """Yield every file below the paths; `exclude` holds names or patterns to leave out wherever they occur.

    Raises InputError for a path that does not exist and for a glob that names nothing.
    """
    roots = [_root(path) for path in paths]
    for root, name in zip(roots, _distinct([root.path.name for root in roots]), strict=True):
        prefix = f"{name}/" if len(roots) > 1 else ""
        for path, reason in _entries(root, exclude):
            yield LocalFile(_printable(prefix + _relative(path, root)), path, reason)


def _entries(root: _Root, exclude: Sequence[str]) -> Iterator[tuple[Path, str]]:
    if root.files:
        for path in root.files:
            yield from _walk(path, root.path, exclude) if path.is_dir() else [(path, "")]
    elif root.path.is_dir():
        yield from _walk(root.path, root.path, exclude)
    else:
        yield root.path, ""


def _walk(folder: Path, root: Path, exclude: Sequence[str]) -> Iterator[tuple[Path, str]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield folder, error.strerror or str(error)
        return
    for entry in entries:
        path = Path(entry.path)
        if any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in exclude):
            continue
        if entry.is_symlink() and not _is_file_within(path, root):
            yield path, "a link that leads out of the folder, to a folder or nowhere"
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(path, root, exclude)
        else:
            yield path, ""


def _root(text: str) -> _Root:
    path = Path(os.path.abspath(os.path.expanduser(text)))
    try:
        if path.exists():
            return _Root(path, ())
    except OSError as error:  # longer than any name, or in a folder that may not be looked into
        short = f"{text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}"
        raise InputError(f"{short!r} cannot be looked at", why=error.strerror or "", fix="check the path") from None
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
