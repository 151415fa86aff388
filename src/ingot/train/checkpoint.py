"""Checkpoints that are whole or absent, and found out when they rot.

Write order: into a temporary folder, flush every file, rename to `step-N`, flush the parent, and only then remove older
ones. A crash at any point leaves the previous checkpoint as it was. A manifest holds each file's size and SHA-256:
safetensors opens a file with a flipped bit without notice, so every file is compared before it is believed. One that
fails is set aside as `step-N.corrupt` and the one before it is used.
Tensors are safetensors, counters JSON: reading a checkpoint runs nothing.

Several ranks write one checkpoint: each a file with its parts and its sums, then the first a layout of what lies where,
the manifest, and the name. Any number of ranks can read it, each the regions that it holds.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ingot.core.errors import SpaceError, StepError
from ingot.core.events import Emit
from ingot.core.storage import (
    fsync_folder,
    fsync_tree,
    move_into_place,
    no_space,
    remove_tree,
    room_on_disk,
    sha256_file,
    write_atomically,
)
from ingot.train.parallel.placement import Region
from ingot.train.parallel.ranks import Ranks
from ingot.train.parts import LAYOUT, Parts, layout_of, part_file

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
    """The checkpoints of one training, in `folder`; the newest, and the newest `keep` regular ones, are kept.

    Regular are those after every `every` steps, or all of them. The others are there for a stop only: where a training
    goes back to by itself must not depend on the clock.

    With several `ranks` every one calls every method. The connections they agree over must be used by nothing else,
    because `save` may run in a thread.
    """

    def __init__(self, folder: Path, keep: int, emit: Emit, ranks: Ranks | None = None, every: int = 0) -> None:
        self._folder = folder
        self._keep = keep
        self._emit = emit
        self._ranks = ranks or Ranks()
        self._every = every
        if self._ranks.rank == 0:
            for unfinished in folder.glob(".*"):  # what a crash left of a write or a removal
                remove_tree(unfinished)
        self._ranks.wait()

    def save(
        self,
        step: int,
        tensors: Mapping[str, Tensor],
        scalars: Mapping[str, Any],
        regions: Mapping[str, Region] | None = None,
    ) -> bool:
        """Write a checkpoint and remove outdated ones; return whether it was written.

        Of several ranks each brings its tensors and says with `regions` which of them are parts of what.

        A disk that does not answer is asked again after a while; one that still does not, or is full, costs a warning
        and not the training: the older checkpoints are kept, and the next one is tried.
        """
        if self._ranks.size == 1:
            why = _tried(lambda: self._write(step, tensors, scalars))
        else:
            why = self._write_together(step, tensors, scalars, regions or {})
        if why:
            if self._ranks.rank == 0:
                text = f"checkpoint at step {step} not written: {why}; older ones are kept"
                self._emit("warning", text=text, at_step=step)
            return False
        if self._ranks.rank == 0:
            for outdated in self._outdated():
                remove_tree(outdated)
        return True

    def _write_together(
        self, step: int, tensors: Mapping[str, Tensor], scalars: Mapping[str, Any], regions: Mapping[str, Region]
    ) -> str:
        """Write this rank's part, and as the first rank the rest; return why it failed, on any rank."""
        unfinished = self._folder / f".step-{step:08d}.unfinished"
        name, sums = part_file(self._ranks.rank, self._ranks.size), {}

        def write_part() -> None:
            with room_on_disk(self._folder):
                unfinished.mkdir(parents=True, exist_ok=True)
                _save_tensors(tensors, unfinished / name)
                # Its own file alone: what others are writing beside it has names that do not last.
                with (unfinished / name).open("rb") as file:
                    os.fsync(file.fileno())
                fsync_folder(unfinished)
            sums[name] = _fingerprint(unfinished / name)

        def finish() -> None:
            with room_on_disk(self._folder):
                write_atomically(unfinished / SCALARS, json.dumps(scalars) + "\n")
                write_atomically(unfinished / LAYOUT, json.dumps(layout_of(layouts)) + "\n")
                files = {each: _fingerprint(unfinished / each) for each in (LAYOUT, SCALARS)}
                written = {each: sum_ for told in parts for each, sum_ in told[1].items()}
                write_atomically(unfinished / MANIFEST, json.dumps(files | written, indent=1) + "\n")
                fsync_tree(unfinished)
                move_into_place(unfinished, self._folder / f"step-{step:08d}")

        why = _tried(write_part, raises=False)
        own = {tensor: (tuple(value.shape), regions.get(tensor)) for tensor, value in tensors.items()}
        parts = self._ranks.all((why, sums, own))
        layouts = {part_file(rank, self._ranks.size): told[2] for rank, told in enumerate(parts)}
        why = next((f"rank {rank}: {told[0]}" for rank, told in enumerate(parts) if told[0]), "")
        if self._ranks.rank == 0:
            why = why or _tried(finish, raises=False)
            if why:
                remove_tree(unfinished)
        return self._ranks.first(why)

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

    def newest(self) -> Saved | None:
        """Read the newest whole checkpoint; None when none was ever written.

        Damaged ones are set aside with a warning. Raises StepError when there were some and none is whole.
        """
        for name in self._ranks.first([folder.name for folder in self._by_age()]):
            folder = self._folder / name
            # Each rank reads some of the files through: together, all.
            told = self._ranks.all(_damage(folder, self._ranks.rank, self._ranks.size))
            damage = next(filter(None, told), "")
            if not damage:
                return _read(folder, in_parts=self._ranks.size > 1)
            if self._ranks.rank == 0:
                self._set_aside(folder, damage)
            self._ranks.wait()
        if self._ranks.any(any(self._folder.glob(f"*{_CORRUPT}"))):
            raise _all_damaged(self._folder)
        return None

    def close(self) -> None:
        """Wait for what is still on its way to other places; here there are none."""

    def go_back(self, count: int) -> Saved | None:
        """Read the whole regular checkpoint that is `count` before the newest, or the oldest; remove those after it."""
        found = self._ranks.first([folder.name for folder in self._by_age()])
        if any(map(self._is_regular, found)) and self._ranks.rank == 0:
            for name in takewhile(lambda name: not self._is_regular(name), found):
                remove_tree(self._folder / name)
        self._ranks.wait()
        whole = self.newest()
        for _ in range(count):
            found = self._ranks.first([folder.name for folder in self._by_age()])
            if len(found) < 2:
                break
            if self._ranks.rank == 0:
                remove_tree(self._folder / found[0])
            self._ranks.wait()
            whole = self.newest()
        return whole

    def _by_age(self) -> list[Path]:
        """Finished checkpoints, newest first: the name says which, no pointer can disagree."""
        folders = (path for path in self._folder.glob("step-*") if path.suffix != _CORRUPT)
        return sorted(folders, reverse=True)

    def _is_regular(self, name: str) -> bool:
        return not self._every or int(name.removeprefix("step-")) % self._every == 0

    def _outdated(self) -> list[Path]:
        every = self._by_age()
        kept = {*every[:1], *[folder for folder in every if self._is_regular(folder.name)][: self._keep]}
        return [folder for folder in every if folder not in kept]

    def _set_aside(self, folder: Path, damage: str) -> None:
        aside = folder.with_name(folder.name + _CORRUPT)
        remove_tree(aside)
        move_into_place(folder, aside)
        self._emit("warning", text=f"checkpoint {folder.name} is damaged ({damage}); set aside as {aside.name}")


class _Damaged(Exception):
    """A checkpoint is not what was written."""


def _tried(write: Callable[[], None], raises: bool = True) -> str:
    """Write, again after a while where that may help; return why it failed, an empty string when it did not.

    Where others wait for the answer nothing is raised.
    """
    for seconds in (*_SECONDS_BETWEEN_TRIES, None):
        try:
            write()
            break
        except SpaceError as error:
            return f"{error.what}; {error.why}"
        except OSError as error:
            if error.errno not in _PASSING:
                if raises:
                    raise
                return str(error)
            if seconds is None:
                return f"{error.strerror or error}, {len(_SECONDS_BETWEEN_TRIES) + 1} times"
            time.sleep(seconds)
    return ""


def _write(folder: Path, tensors: Mapping[str, Tensor], scalars: Mapping[str, Any]) -> None:
    _save_tensors(tensors, folder / TENSORS)
    write_atomically(folder / SCALARS, json.dumps(scalars) + "\n")
    files = {name: _fingerprint(folder / name) for name in (TENSORS, SCALARS)}
    write_atomically(folder / MANIFEST, json.dumps(files, indent=1) + "\n")
    fsync_tree(folder)


def _save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    try:
        save_file(dict(tensors), path)
    except SafetensorError as error:
        # The library reports an operating system's error as text only; these are "no space" and "over quota".
        if "os error 28" not in str(error) and "os error 122" not in str(error):
            raise
        raise no_space(path.parent) from error


def _damage(folder: Path, rank: int, ranks: int) -> str:
    """Read every `ranks`-th file of a checkpoint through and say what is wrong with it."""
    try:
        for name, expected in list(_manifest(folder).items())[rank::ranks]:
            if not (folder / name).is_file():
                return f"{name} is missing"
            if _fingerprint(folder / name) != expected:
                return f"{name} is not what was written"
    except _Damaged as damage:
        return str(damage)
    return ""


def _read(folder: Path, in_parts: bool) -> Saved:
    scalars = json.loads((folder / SCALARS).read_text(encoding="utf-8"))
    if (folder / LAYOUT).exists():
        return Saved(Parts(folder), scalars)
    # Of several ranks each reads no more of what one process wrote than it holds.
    return Saved(Parts(folder, only=TENSORS) if in_parts else load_file(folder / TENSORS), scalars)


def _manifest(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _Damaged(f"{MANIFEST} cannot be read") from error
    if not isinstance(files, dict) or not {SCALARS} < files.keys() or not {TENSORS, LAYOUT} & files.keys():
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
