"""The home folder: where artifacts, unfinished work, runs and locks lie.

    artifacts/<name>/<version>/   finished artifacts, each with its record
    work/<name>.<fingerprint>/    a step's unfinished files; a resumable step finds them again
    runs/<run id>/                run.json, events.jsonl, one log a step
    locks/                        who is making what
    cache/                        what can be thrown away at any time

An artifact enters by one rename, so there is nothing to repair after a crash.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from ingot.core.errors import InputError, UsageError, suggest
from ingot.core.storage import fsync_tree, move_into_place, sha256_file, write_atomically
from ingot.flow.artifact import RECORD_FILE, Artifact, FileEntry, Record, read_artifact

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Home:
    """The folder everything of one user or server lies in."""

    path: Path

    @property
    def artifacts_path(self) -> Path:
        return self.path / "artifacts"

    @property
    def work_path(self) -> Path:
        return self.path / "work"

    @property
    def runs_path(self) -> Path:
        return self.path / "runs"

    @property
    def locks_path(self) -> Path:
        return self.path / "locks"

    @property
    def cache_path(self) -> Path:
        return self.path / "cache"

    def create(self) -> None:
        """Make the folders that are not there yet. Raises InputError when the place cannot be written."""
        try:
            for folder in (self.artifacts_path, self.work_path, self.runs_path, self.locks_path, self.cache_path):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                "the home folder cannot be made",
                where=str(self.path),
                why=error.strerror or str(error),
                fix="give a folder you may write to: --home FOLDER",
            ) from error

    def names(self) -> list[str]:
        """Return the names of all artifacts, sorted."""
        if not self.artifacts_path.is_dir():
            return []
        return sorted(path.name for path in self.artifacts_path.iterdir() if _NAME.fullmatch(path.name))

    def versions(self, name: str) -> list[Artifact]:
        """Return an artifact's versions, oldest first."""
        folder = self.artifacts_path / check_name(name)
        if not folder.is_dir():
            return []
        numbers = sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())
        return [read_artifact(folder / str(number)) for number in numbers]

    def all(self) -> Iterator[Artifact]:
        """Yield every version of every artifact, by name and version."""
        for name in self.names():
            yield from self.versions(name)

    def get(self, reference: str) -> Artifact:
        """Return `name` (its newest version) or `name@version`. Raises UsageError with the nearest name."""
        name, _, number = reference.partition("@")
        versions = self.versions(name)
        if not versions:
            near = suggest(name, self.names())
            raise UsageError(f"there is no artifact named {name!r}", where=str(self.path), fix=near)
        if not number:
            return versions[-1]
        for artifact in versions:
            if str(artifact.version) == number:
                return artifact
        known = ", ".join(artifact.reference for artifact in versions)
        raise UsageError(f"there is no {reference}", where=str(self.path), fix=f"versions: {known}")

    def find(self, name: str, fingerprint: str) -> Artifact | None:
        """Return the newest version of `name` with this fingerprint, if it was made before."""
        for artifact in reversed(self.versions(name)):
            if artifact.fingerprint == fingerprint:
                return artifact
        return None

    def next_version(self, name: str) -> int:
        """Return the number the next version of `name` gets."""
        versions = self.versions(name)
        return versions[-1].version + 1 if versions else 1

    def commit(self, folder: Path, record: Record) -> Artifact:
        """Turn a finished work folder into the artifact its record describes; the one moment it starts to exist."""
        fsync_tree(folder)
        write_atomically(folder / RECORD_FILE, record.as_json())
        target = self.artifacts_path / check_name(record.name) / str(record.version)
        move_into_place(folder, target)
        return Artifact(target, record)

    def amend(self, artifact: Artifact) -> Artifact:
        """Describe an artifact's files anew in its record, after something was erased from them."""
        files = describe_files(artifact.path)
        files.pop(RECORD_FILE, None)
        record = replace(artifact.record, files=files)
        fsync_tree(artifact.path)
        write_atomically(artifact.path / RECORD_FILE, record.as_json())
        return Artifact(artifact.path, record)

    def lock(self, name: str) -> FileLock:
        """Return the lock of everybody who makes versions of `name`."""
        return FileLock(self.locks_path / f"{check_name(name)}.lock")

    def holder(self, name: str) -> str:
        """Return who wrote their name beside the lock last ("process 4242, run ..."), or an empty string."""
        path = self.locks_path / f"{name}.holder"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def hold(self, name: str, who: str) -> None:
        """Leave word of who holds the lock, for those who wait."""
        (self.locks_path / f"{name}.holder").write_text(f"process {os.getpid()}, {who}", encoding="utf-8")


def check_name(name: str) -> str:
    """Return a name fit for a folder, or raise UsageError saying what a name may hold."""
    if _NAME.fullmatch(name) and ".." not in name:
        return name
    raise UsageError(
        f"{name!r} cannot be a name",
        why="a name becomes a folder and part of a web address",
        fix="use letters, digits, '.', '_' and '-', starting with a letter or digit, at most 100",
    )


def describe_files(folder: Path) -> dict[str, FileEntry]:
    """Return size and hash of every file below a folder, by its relative name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): FileEntry(path.stat().st_size, sha256_file(path)) for path in paths}


def damaged_files(artifact: Artifact) -> list[str]:
    """Return the names of an artifact's files that are missing or not as recorded."""
    return [
        name
        for name, entry in artifact.record.files.items()
        if not (artifact.path / name).is_file() or sha256_file(artifact.path / name) != entry.sha256
    ]
