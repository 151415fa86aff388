"""Copies of a training's checkpoints in an object store, for the day a machine is lost with its disk.

`checkpoints.yaml` in the home folder names the store. Where checkpoints are kept changes nothing of a model, so it is
no part of a recipe; credentials are named there, never written. After every checkpoint the store is brought to hold
what the folder holds: files first, the manifest last, so that one with a manifest is whole. It is done beside the
training, from hard links, and a store that does not answer costs a warning; the next checkpoint tries again.

A training that finds no checkpoint of its own in its work folder takes those from the store, each file compared with
its manifest's size and SHA-256 before it gets its name. Copies stay when the training is finished.

    <url>/<artifact>.<fingerprint>/curve.jsonl
    <url>/<artifact>.<fingerprint>/step-00000300/{state.safetensors, state.json, manifest.json}
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from torch import Tensor

from ingot.core.errors import IngotError, StepError
from ingot.core.events import Emit
from ingot.core.storage import as_size, fsync_tree, link_tree, move_into_place, remove_tree, room_on_disk
from ingot.data.object_store import Address, ObjectStore
from ingot.flow.recipe_file import read_config
from ingot.train.checkpoint import MANIFEST, Checkpoints, Saved
from ingot.train.parallel.placement import Region
from ingot.train.parallel.ranks import Ranks

FILE, CURVE = "checkpoints.yaml", "curve.jsonl"
_CORRUPT = ".corrupt"


def open_checkpoints(folder: Path, keep: int, emit: Emit, ranks: Ranks, every: int) -> Checkpoints:
    """Return the checkpoints of a work folder, with copies where the home folder names a store for them.

    Those of the store are brought first when the folder has none. Raises InputError when that cannot be found out, and
    StepError when there are some and none is whole.
    """
    settings = folder.parents[2] / FILE  # of the home folder, where unfinished artifacts have a folder each
    if not settings.is_file():
        return Checkpoints(folder, keep, emit, ranks, every)
    # One process sees to the store; the folder is everybody's.
    copies = Copies(read_config(settings, Address), folder, emit) if ranks.rank == 0 else None
    if copies is not None and not any(folder.glob("step-*")):
        copies.bring()
    ranks.wait()
    return CopiedCheckpoints(folder, keep, emit, ranks, every, copies)


class CopiedCheckpoints(Checkpoints):
    """Checkpoints of which there are copies elsewhere, made by one of the ranks."""

    def __init__(self, folder: Path, keep: int, emit: Emit, ranks: Ranks, every: int, copies: Copies | None) -> None:
        super().__init__(folder, keep, emit, ranks, every)
        self._copies = copies

    def save(
        self,
        step: int,
        tensors: Mapping[str, Tensor],
        scalars: Mapping[str, Any],
        regions: Mapping[str, Region] | None = None,
    ) -> bool:
        is_written = super().save(step, tensors, scalars, regions)
        if is_written and self._copies is not None:
            self._copies.begin()
        return is_written

    def go_back(self, count: int) -> Saved | None:
        saved = super().go_back(count)
        if self._copies is not None:
            self._copies.begin()  # what was left behind must not be found by another machine
        return saved

    def close(self) -> None:
        if self._copies is not None:
            self._copies.close()


class Copies:
    """The copies of the checkpoints in `folder`, in a store under the name of the work folder."""

    def __init__(self, address: Address, folder: Path, emit: Emit) -> None:
        self._store, self._folder, self._emit = ObjectStore(address), folder, emit
        self._name = folder.parent.name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="copies")
        self._lock = threading.Lock()
        self._waiting: Path | None = None
        self._number = 0

    def begin(self) -> None:
        """Begin to make the store hold what the folder holds now; of several that wait the last counts."""
        self._number += 1
        links = self._folder / f".copies-{self._number}"
        links.mkdir(parents=True)
        for step in self._folder.glob("step-*"):
            if step.suffix != _CORRUPT:
                link_tree(step, links / step.name)
        with self._lock:
            outdated, self._waiting = self._waiting, links
        if outdated is not None:
            remove_tree(outdated)
        self._thread.submit(self._copy)

    def close(self) -> None:
        """Wait for what was begun."""
        self._thread.shutdown(wait=True)

    def bring(self) -> None:
        """Fetch all whole checkpoints of the store into the folder.

        Raises InputError when the store does not answer, StepError when it has some and none of them is whole.
        """
        damaged = []
        with self._store.opened():
            there = self._there("listed")
            steps = sorted((step for step, files in there.items() if MANIFEST in files), reverse=True)
            for step in steps:
                if damage := self._bring(step, there[step]):
                    damaged.append(step)
                    self._emit("warning", text=f"the copy of checkpoint {step} is damaged ({damage}) and not used")
            brought = [step for step in steps if step not in damaged]
            if brought:
                self._bring_curve()
        if brought:
            size = as_size(sum(there[brought[0]].values()))
            text = f"brought {len(brought)} checkpoints from {self._where}, the newest {brought[0]} ({size})"
            self._emit("note", text=text)
        elif damaged:
            raise _all_damaged(self._where)

    @property
    def _where(self) -> str:
        return f"{self._store.address.url.rstrip('/')}/{self._name}"

    def _there(self, asked: str) -> dict[str, dict[str, int]]:
        """Return the checkpoints of the store: the sizes of their files by name."""
        found: dict[str, dict[str, int]] = {}
        with self._store.in_words(asked):
            for each in self._store.list(self._name):
                _, _, rest = self._store.name_of(each["path"]).partition("/")
                step, _, file = rest.partition("/")
                if step.startswith("step-") and file and "/" not in file:
                    found.setdefault(step, {})[file] = each["size"]
        return found

    def _copy(self) -> None:
        with self._lock:
            links, self._waiting = self._waiting, None
        if links is None:
            return
        try:
            with self._store.opened():
                self._bring_store_to(links)
        except Exception as error:  # whatever it is, a training is not lost for want of a copy of it
            why = error.why or error.what if isinstance(error, IngotError) else str(error)
            text = f"checkpoints are not copied to {self._where}: {why}; it is tried again after the next one"
            self._emit("warning", text=text)
        finally:
            remove_tree(links)

    def _bring_store_to(self, links: Path) -> None:
        there, curve = self._there("listed"), self._folder.parent / CURVE
        kept = {step.name for step in links.iterdir()}
        with self._store.in_words("written"):
            if curve.is_file():  # first, so that no checkpoint is ahead of it
                self._store.put(f"{self._name}/{CURVE}", curve.read_bytes())
            for step in sorted(links.iterdir(), reverse=True):
                # One that a rewound training wrote anew has other bytes under the same name.
                if MANIFEST in there.get(step.name, {}) and self._is_same(step, there[step.name]):
                    continue
                for path in sorted(step.iterdir(), key=lambda path: (path.name == MANIFEST, path.name)):
                    self._store.put(f"{self._name}/{step.name}/{path.name}", path)
            for outdated in there.keys() - kept:
                # Without its manifest it is no checkpoint any more.
                files = sorted(there[outdated], key=lambda file: file != MANIFEST)
                self._store.delete([f"{self._name}/{outdated}/{file}" for file in files])

    def _is_same(self, step: Path, there: Mapping[str, int]) -> bool:
        written = (step / MANIFEST).read_bytes()
        return self._manifest(step.name, there) == written

    def _manifest(self, step: str, there: Mapping[str, int]) -> bytes:
        return b"".join(self._store.read(f"{self._name}/{step}/{MANIFEST}", there[MANIFEST]))

    def _bring(self, step: str, there: Mapping[str, int]) -> str:
        """Fetch a checkpoint; return what is wrong with it, an empty string when nothing is."""
        aside = self._folder / f".{step}.brought"
        remove_tree(aside)
        aside.mkdir(parents=True)
        try:
            with self._store.in_words("read"), room_on_disk(self._folder):
                manifest = self._manifest(step, there)
                damage = self._bring_files(step, manifest, there, aside)
                if not damage:
                    (aside / MANIFEST).write_bytes(manifest)
                    fsync_tree(aside)
                    move_into_place(aside, self._folder / step)
            return damage
        finally:
            remove_tree(aside)

    def _bring_curve(self) -> None:
        """Fetch what the training told so far; its losses are not needed to go on, only to show."""
        with self._store.in_words("read"), contextlib.suppress(FileNotFoundError):
            content = b"".join(map(bytes, self._store.get(self._store.key(f"{self._name}/{CURVE}")).stream()))
            with room_on_disk(self._folder):
                (self._folder.parent / CURVE).write_bytes(content)

    def _bring_files(self, step: str, manifest: bytes, there: Mapping[str, int], aside: Path) -> str:
        try:
            files: dict[str, dict[str, Any]] = json.loads(manifest)
            wanted = {name: (int(file["bytes"]), str(file["sha256"])) for name, file in files.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"{MANIFEST} cannot be read"
        for name, (size, digest) in wanted.items():
            if Path(name).name != name or there.get(name) != size:
                return f"{name} is missing or has another size"
            hashed = hashlib.sha256()
            with (aside / name).open("wb") as file:
                for part in self._store.read(f"{self._name}/{step}/{name}", size):
                    hashed.update(part)
                    file.write(part)
            if hashed.hexdigest() != digest:
                return f"{name} is not what was written"
        return ""


def _all_damaged(where: str) -> StepError:
    return StepError(
        "every copy of this training's checkpoints is damaged",
        where=where,
        why="bytes changed after they were written; beginning again unasked would hide that",
        fix=f"to train again from step 0, remove them there, or take {FILE} out of the home folder",
    )
