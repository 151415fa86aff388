"""Which window of a dataset is read n-th: a pure function, without a list of windows and without knowing the end.

A shard's tokens are cut into windows of one row; what fills none at its end is left out at another place each epoch.
Shards are read in stages of :data:`STAGE_SHARDS` consecutive ones, and inside a stage every window comes once, in an
order of its own for each epoch (data/permutation.py). So the n-th window of the first epoch needs only the shards up
to its stage: reading can begin while later ones are written, and what was read then is read the same ever after. A
stage also bounds what the disk cache must hold for random access: at 2 bytes a token, 1 GB.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingot.core.errors import InputError
from ingot.data.permutation import Numbers, key_of, mix, permute
from ingot.data.shards import Shards

STAGE_SHARDS = 8

# Odd, so that no two epochs, stages or shards of a dataset share a key.
_EPOCH, _STAGE, _SHARD = (np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xD1342543DE82EF95, 0xC2B2AE3D27D4EB4F))

Integers = npt.NDArray[np.int64]


class Places(NamedTuple):
    """Where windows lie: the epoch they are read in, the shard, and their first token in it; one entry each."""

    epochs: Integers
    shards: Integers
    firsts: Integers


class Order:
    """The order in which the windows of one dataset are read, epoch after epoch."""

    def __init__(
        self, name: str, shards: Shards, sequence_length: int, seed: int, stage_shards: int = STAGE_SHARDS
    ) -> None:
        """Raise InputError when all shards are there and none holds a window."""
        self.shards = shards
        self._name, self._length, self._stage_shards = name, sequence_length, stage_shards
        self._key = key_of(seed, name)
        self._ends: list[int] = []  # windows up to and with each shard
        self._stage_ends: list[int] = []
        self._need(0)

    @property
    def windows(self) -> int:
        """Windows of an epoch, as far as they are known: of the stages that were needed."""
        return self._stage_ends[-1] if self._stage_ends else 0

    @property
    def is_whole(self) -> bool:
        """Whether all stages are known, so that `windows` is an epoch."""
        return len(self._ends) == self.shards.planned

    def know_all(self) -> int:
        """Return the windows of an epoch, waiting for shards that are not written."""
        while not self.is_whole:
            self._add_stage()
        return self.windows

    def places(self, numbers: Numbers) -> Places:
        """Return where the windows lie that are read n-th, counted from 0 over all epochs."""
        self._need(int(numbers.max()))
        windows = np.uint64(self.windows)
        epochs, places = numbers // windows, numbers % windows
        stage_ends = np.array([0, *self._stage_ends], dtype=np.uint64)
        stages = np.searchsorted(stage_ends, places, side="right") - 1
        begins = stage_ends[stages]
        keys = mix(self._key + epochs * _EPOCH)
        shuffled = permute(
            places - begins, stage_ends[stages + 1] - begins, mix(keys + stages.astype(np.uint64) * _STAGE)
        )
        return self._found(begins + shuffled, epochs, keys)

    def _found(self, windows: Numbers, epochs: Numbers, keys: Numbers) -> Places:
        ends = np.array([0, *self._ends], dtype=np.uint64)
        shards = np.searchsorted(ends, windows, side="right") - 1
        counts = np.array([self.shards[number].token_count for number in range(len(self._ends))], dtype=np.uint64)
        length = np.uint64(self._length)
        # A window has one token more than a row, because the last token of the row needs a target.
        unread = counts[shards] - np.uint64(1) - (ends[shards + 1] - ends[shards]) * length
        offsets = mix(keys + shards.astype(np.uint64) * _SHARD) % (unread + np.uint64(1))
        firsts = (windows - ends[shards]) * length + offsets
        return Places(epochs.astype(np.int64), shards.astype(np.int64), firsts.astype(np.int64))

    def _need(self, number: int) -> None:
        """Know as many stages as it takes to tell where a window lies."""
        while self.windows <= number and not self.is_whole:
            self._add_stage()
        if not self.windows:
            raise _too_short(self._name, self.shards, self._length)

    def _add_stage(self) -> None:
        first = len(self._ends)
        stop = min(first + self._stage_shards, self.shards.planned)
        self.shards.require(stop)
        for number in range(first, stop):
            windows = max(0, self.shards[number].token_count - 1) // self._length
            self._ends.append(windows + (self._ends[-1] if self._ends else 0))
        self._stage_ends.append(self._ends[-1])


def _too_short(name: str, shards: Shards, sequence_length: int) -> InputError:
    longest = max((shards[number].token_count for number in range(len(shards))), default=0)
    fitting = f"a sequence length of {longest - 1} or less" if longest > 1 else "more text"
    return InputError(
        f"the training text has {longest} tokens, fewer than one sequence of {sequence_length} and its last target",
        where=name,
        why="no batch can be cut from it",
        fix=f"use {fitting}, or give at least {sequence_length + 1} tokens of text",
    )
