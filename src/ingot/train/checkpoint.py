"""Checkpoints that are whole or absent, and found out when they rot.

Write order: into a temporary folder, flush every file, rename to `step-N`, flush the parent, and only then remove older
ones. A crash at any point leaves the previous checkpoint as it was. A manifest holds each file's size and SHA-256:
safetensors opens a file with a flipped bit without notice, so every file is compared before it is believed. One that
fails is set aside as `step-N.corrupt` and the one before it is used.
Tensors are safetensors, counters JSON: reading a checkpoint runs nothing.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ingot.core.errors import SpaceError, StepError
from ingot.core.events import Emit
from ingot.core.storage import (
    fsync_tree,
    move_into_place,
    no_space,
    remove_tree,
    room_on_disk,
    sha256_file,
    write_atomically,
)

TENSORS, SCALARS, MANIFEST = "state.safetensors", "state.json", "manifest.json"
_CORRUPT = ".corrupt"
# Faults of a disk or network file system that may pass.
_PASSING = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EREMOTEIO})
_SECONDS_BETWEEN_TRIES = (0.5, 2.0, 8.0)


@dataclass(frozen=True, eq=False)
class Saved:
    """A checkpoint as it was read back."""

    tensors: Mapping[str, Tensor]
    scalars: Mapping[str, Any]


class Checkpoints:
    """The checkpoints of one training, in `folder`; the newest `keep` are kept."""

    def __init__(self, folder: Path, keep: int, emit: Emit) -> None:
        self._folder = folder
        self._keep = keep
        self._emit = emit
        for unfinished in folder.glob(".*"):  # what a crash left of a write or a removal
            remove_tree(unfinished)

    def save(self, step: int, tensors: Mapping[str, Tensor], scalars: Mapping[str, Any]) -> bool:
        """Write a checkpoint and remove outdated ones; return whether it was written.

        A disk that does not answer is asked again after a while; one that still does not, or is full, costs a warning
        and not the training: the older checkpoints are kept, and the next one is tried.
        """
        for seconds in (*_SECONDS_BETWEEN_TRIES, None):
            try:
                self._write(step, tensors, scalars)
                break
            except SpaceError as error:
                return self._not_written(step, f"{error.what}; {error.why}")
            except OSError as error:
                if error.errno not in _PASSING:
                    raise
                if seconds is None:
                    times = len(_SECONDS_BETWEEN_TRIES) + 1
                    return self._not_written(step, f"{error.strerror or error}, {times} times")
                time.sleep(seconds)
        for outdated in self._by_age()[self._keep :]:
            remove_tree(outdated)
        return True

    def _write(self, step: int, tensors: Mapping[str, Tensor], scalars: Mapping[str, Any]) -> None:
        unfinished = self._folder / f".step-{step:08d}.unfinished"
        try:
            with room_on_disk(self._folder):
                unfinished.mkdir(parents=True)
                _write(unfinished, tensors, scalars)
            move_into_place(unfinished, self._folder / f"step-{step:08d}")
        except (OSError, SpaceError):
            remove_tree(unfinished)
            raise

    def _not_written(self, step: int, why: str) -> bool:
        self._emit("warning", text=f"checkpoint at step {step} not written: {why}; older ones are kept", at_step=step)
        return False

    def newest(self) -> Saved | None:
        """Read the newest whole checkpoint; None when none was ever written.

        Damaged ones are set aside with a warning. Raises StepError when there were some and none is whole.
        """
        for folder in self._by_age():
            try:
                return _read(folder)
            except _Damaged as damage:
                self._set_aside(folder, str(damage))
        if any(self._folder.glob(f"*{_CORRUPT}")):
            raise _all_damaged(self._folder)
        return None

    def go_back(self, count: int) -> Saved | None:
        """Read the whole checkpoint that is `count` before the newest, or the oldest, and remove those after it."""
        whole = self.newest()
        for _ in range(count):
            if len(found := self._by_age()) < 2:
                break
            remove_tree(found[0])
            whole = self.newest()
        return whole

    def _by_age(self) -> list[Path]:
        """Finished checkpoints, newest first: the name says which, no pointer can disagree."""
        folders = (path for path in self._folder.glob("step-*") if path.suffix != _CORRUPT)
        return sorted(folders, reverse=True)

    def _set_aside(self, folder: Path, damage: str) -> None:
        aside = folder.with_name(folder.name + _CORRUPT)
        remove_tree(aside)
        move_into_place(folder, aside)
        self._emit("warning", text=f"checkpoint {folder.name} is damaged ({damage}); set aside as {aside.name}")


class _Damaged(Exception):
    """A checkpoint is not what was written."""


def _write(folder: Path, tensors: Mapping[str, Tensor], scalars: Mapping[str, Any]) -> None:
    try:
        save_file(dict(tensors), folder / TENSORS)
    except SafetensorError as error:
        # The library reports an operating system's error as text only; these are "no space" and "over quota".
        if "os error 28" not in str(error) and "os error 122" not in str(error):
            raise
        raise no_space(folder) from error
    write_atomically(folder / SCALARS, json.dumps(scalars) + "\n")
    files = {name: _fingerprint(folder / name) for name in (TENSORS, SCALARS)}
    write_atomically(folder / MANIFEST, json.dumps(files, indent=1) + "\n")
    fsync_tree(folder)


def _read(folder: Path) -> Saved:
    for name, expected in _manifest(folder).items():
        if not (folder / name).is_file():
            raise _Damaged(f"{name} is missing")
        if _fingerprint(folder / name) != expected:
            raise _Damaged(f"{name} is not what was written")
    return Saved(load_file(folder / TENSORS), json.loads((folder / SCALARS).read_text(encoding="utf-8")))


def _manifest(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _Damaged(f"{MANIFEST} cannot be read") from error
    if not isinstance(files, dict) or files.keys() != {TENSORS, SCALARS}:
        raise _Damaged(f"{MANIFEST} does not list its files")
    return files


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256_file(path)}


def _all_damaged(folder: Path) -> StepError:
    return StepError(
        "every checkpoint of this training is damaged",
        where=str(folder),
        why="the disk or a copy changed bytes after they were written; beginning again unasked would hide that",
        fix=f"check the disk; to train again from step 0, remove {folder} and run the same command",
    )
