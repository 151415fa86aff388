"""Files that are whole or absent.

A write goes to a temporary name in the same folder, is flushed to the disk, and then takes its name in one rename
(POSIX rename is atomic); the folder is flushed too, so the name survives a power cut. A full disk becomes a
:class:`~ingot.core.errors.SpaceError` that says how much is free, and leaves what was there before untouched.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ingot.core.errors import SpaceError

_CHUNK_BYTES = 1 << 20


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part."""
    payload = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with room_on_disk(path.parent):
        try:
            with temporary.open("wb") as file:
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    fsync_folder(path.parent)


@contextlib.contextmanager
def room_on_disk(folder: Path) -> Iterator[None]:
    """Turn "no space left" of anything inside the block into a SpaceError naming the folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise no_space(folder) from error


def no_space(folder: Path) -> SpaceError:
    """Describe a full disk: where, how much is free, and what to do."""
    return SpaceError(
        "the disk is full",
        where=str(folder),
        why=f"{as_size(free_bytes(folder))} are free there; everything finished so far is kept",
        fix="free some space (`ingot gc` says what it could remove), then run the same command again: it goes on",
    )


def sha256_file(path: Path) -> str:
    """Return the file's SHA-256 as hex, reading it in chunks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync_folder(folder: Path) -> None:
    """Flush a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_tree(folder: Path) -> None:
    """Flush every file and folder below `folder` to the disk, deepest first."""
    with room_on_disk(folder):
        for parent, _, file_names in os.walk(folder, topdown=False):
            for name in file_names:
                with Path(parent, name).open("rb") as file:
                    os.fsync(file.fileno())
            fsync_folder(Path(parent))


def move_into_place(source: Path, target: Path) -> None:
    """Rename a finished folder to its final name and make both parents durable. The target must not exist."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    fsync_folder(target.parent)
    fsync_folder(source.parent)


def link_tree(source: Path, target: Path) -> None:
    """Give every file below a folder a second name below another: files that are never changed in place need no copy.

    A file is copied where the disk cannot link.
    """
    shutil.copytree(source, target, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def remove_tree(folder: Path) -> None:
    """Delete a folder if it is there, by first renaming it so that a half-deleted one never keeps its name."""
    if not folder.exists():
        return
    doomed = folder.with_name(f".{folder.name}.{os.getpid()}.deleted")
    folder.rename(doomed)
    shutil.rmtree(doomed)


def remove_torn(folder: Path) -> None:
    """Delete what writers that were killed left anywhere below a folder: what never took its name, or lost it."""
    for torn in [*folder.rglob(".*.tmp"), *folder.rglob(".*.deleted")]:
        if torn.is_dir():
            shutil.rmtree(torn)
        else:
            torn.unlink(missing_ok=True)


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def free_bytes(folder: Path) -> int:
    """Return the bytes free on the disk that holds `folder`, or would hold it once created."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def as_size(count: float) -> str:
    """Return a byte count for people, three significant digits.

    >>> as_size(12_345_678)
    '12.3 MB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
