"""What could be removed: unfinished work nobody is at, and versions nothing newer or registered stands on.

Kept always: the newest version of every artifact, every version of a Model, and everything those were made from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from ingot.core.storage import folder_bytes, remove_tree
from ingot.flow.home import Home
from ingot.flow.lineage import ancestors
from ingot.flow.runs import list_runs


@dataclass(frozen=True)
class Garbage:
    """Something that can go: what it is, why, where it lies, how many bytes that frees, and whose artifact it is."""

    what: str
    reason: str
    path: Path
    bytes: int
    name: str


def find_garbage(home: Home) -> list[Garbage]:
    """Return what could be removed now, largest first. Removes nothing."""
    found = [*_unfinished(home), *_superseded(home)]
    return sorted(found, key=lambda garbage: -garbage.bytes)


def remove(home: Home, garbage: Garbage) -> bool:
    """Delete one piece of garbage; return whether it went, or stayed because somebody has begun to work on it."""
    lock = home.lock(garbage.name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    try:
        remove_tree(garbage.path)
    finally:
        lock.release()
    return True


def _unfinished(home: Home) -> list[Garbage]:
    if not home.work_path.is_dir():
        return []
    reason = "unfinished work; running the same build again would go on from it"
    folders = [path for path in sorted(home.work_path.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    found = [Garbage(path.name, reason, path, folder_bytes(path), _artifact_name(path)) for path in folders]
    return [garbage for garbage in found if not _is_held(home, garbage.name)]


def _artifact_name(folder: Path) -> str:
    """Return the artifact a work folder belongs to: `<name>.<fingerprint>`, or that with `.scratch`."""
    return folder.name.removesuffix(".scratch").rpartition(".")[0]


def _is_held(home: Home, name: str) -> bool:
    lock = home.lock(name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _superseded(home: Home) -> list[Garbage]:
    if any(run.status == "running" for run in list_runs(home)):
        # A run that goes on may be about to use any of them.
        return []
    everything = list(home.all())
    newest = {artifact.name: artifact for artifact in everything}
    kept = [artifact for artifact in everything if artifact.kind in ("Model", "Adapter")] + list(newest.values())
    needed = {ancestor.reference for artifact in kept for ancestor in ancestors(home, artifact)}
    reason = "an older version no model was made from"
    return [
        Garbage(artifact.reference, reason, artifact.path, folder_bytes(artifact.path), artifact.name)
        for artifact in everything
        if artifact.reference not in needed
    ]
