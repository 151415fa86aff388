"""What could be removed: unfinished work nobody is at, and versions nothing newer or registered stands on.

Kept always: the newest version of every artifact, every version of a Model, and everything those were made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ingot.core.storage import folder_bytes, remove_tree
from ingot.flow.home import Home
from ingot.flow.lineage import ancestors


@dataclass(frozen=True)
class Garbage:
    """Something that can go: what it is, why, where it lies, and how many bytes that frees."""

    what: str
    reason: str
    path: Path
    bytes: int


def find_garbage(home: Home) -> list[Garbage]:
    """Return what could be removed now, largest first. Removes nothing."""
    found = [*_unfinished(home), *_superseded(home)]
    return sorted(found, key=lambda garbage: -garbage.bytes)


def remove(garbage: Garbage) -> None:
    """Delete one piece of garbage."""
    if garbage.path.is_dir():
        remove_tree(garbage.path)
    else:
        garbage.path.unlink(missing_ok=True)


def _unfinished(home: Home) -> list[Garbage]:
    if not home.work_path.is_dir():
        return []
    reason = "unfinished work; running the same build again would go on from it"
    return [
        Garbage(path.name, reason, path, folder_bytes(path))
        for path in sorted(home.work_path.iterdir())
        if path.is_dir() and not _is_locked(path)
    ]


def _is_locked(folder: Path) -> bool:
    name = folder.name.removesuffix(".scratch")
    lock = FileLock(folder.with_name(f"{name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _superseded(home: Home) -> list[Garbage]:
    everything = list(home.all())
    newest = {artifact.name: artifact for artifact in everything}
    kept = [artifact for artifact in everything if artifact.kind == "Model"] + list(newest.values())
    needed = {ancestor.reference for artifact in kept for ancestor in ancestors(home, artifact)}
    return [
        Garbage(
            artifact.reference, "an older version no model was made from", artifact.path, folder_bytes(artifact.path)
        )
        for artifact in everything
        if artifact.reference not in needed
    ]
