"""Training batches from shards, so that where a run stands is one number: the step.

The tokens are cut into windows, and each epoch reads every window once, in an order given by a permutation that is
computed instead of stored: a Feistel network over window numbers (Luby and Rackoff 1988), walked until it lands
inside the range (Black and Rogaway 2002, section 3), with the epoch in its key. Batch n is the same whoever asks, on
whichever machine, after however many restarts. Documents packed into one row are told apart by `segments`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingot.core.errors import InputError
from ingot.data.shards import Shards

IGNORED = -100  # the target of a token whose successor is in another document

_ROUNDS = 6
_EPOCH = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no two epochs share a key
_Numbers = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's rows, each [batch, time]. `segments` numbers the documents within a row, from 0."""

    tokens: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    segments: npt.NDArray[np.int32]


class Stream:
    """An endless row of batches over one split."""

    def __init__(self, shards: Shards, batch_size: int, sequence_length: int, seed: int) -> None:
        """Raise InputError when the split is shorter than one window."""
        self._shards = shards
        self._batch_size = batch_size
        self._length = sequence_length
        self._seed = np.array([seed % (1 << 64)], dtype=np.uint64)
        # A window has one token more than the row, because the last token of the row needs a target.
        self.windows = (len(shards.tokens) - 1) // sequence_length
        if self.windows < 1:
            raise _too_short(len(shards.tokens), sequence_length)
        self._unread = len(shards.tokens) - 1 - self.windows * sequence_length

    def batch(self, step: int) -> Batch:
        """Return the batch of a step, counted from 0. At the end of an epoch a batch goes on into the next one."""
        sample = np.arange(step * self._batch_size, (step + 1) * self._batch_size)
        epoch, place = np.divmod(sample, self.windows)
        key = _mix(_mix(self._seed) + epoch.astype(np.uint64) * _EPOCH)
        window = permute(place.astype(np.uint64), self.windows, key).astype(np.int64)
        # The tokens that fill no window are left out at another place each epoch: before, behind, or on both sides.
        first = window * self._length + (_mix(key) % np.uint64(self._unread + 1)).astype(np.int64)
        return self._read(first)

    def _read(self, first: npt.NDArray[np.int64]) -> Batch:
        positions = first[:, None] + np.arange(self._length + 1)
        tokens = self._shards.tokens[positions].astype(np.int64)
        document = self._shards.document_numbers(positions)
        is_same = document[:, 1:] == document[:, :-1]
        return Batch(
            tokens=tokens[:, :-1],
            targets=np.where(is_same, tokens[:, 1:], IGNORED),
            segments=(document[:, :-1] - document[:, :1]).astype(np.int32),
        )


def permute(places: _Numbers, count: int, key: _Numbers) -> _Numbers:
    """Return where each of `places` goes in the permutation of `range(count)` that its key names."""
    # Two halves of equal width: the range is at most four times `count`, or 4, so few steps of the walk are needed.
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    numbers = _feistel(places, half, key)
    while (is_outside := numbers >= count).any():
        numbers[is_outside] = _feistel(numbers[is_outside], half, key[is_outside])
    return numbers


def _feistel(numbers: _Numbers, half: int, key: _Numbers) -> _Numbers:
    shift, mask = np.uint64(half), np.uint64((1 << half) - 1)
    left, right = numbers >> shift, numbers & mask
    for turn in range(_ROUNDS):
        left, right = right, left ^ (_mix(right ^ _mix(key + np.uint64(turn))) & mask)
    return (left << shift) | right


def _mix(x: _Numbers) -> _Numbers:
    """Scatter 64 bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _too_short(tokens: int, sequence_length: int) -> InputError:
    fitting = f"a sequence length of {tokens - 1} or less" if tokens > 1 else "more text"
    return InputError(
        f"the training text has {tokens} tokens, fewer than one sequence of {sequence_length} and its last target",
        where="shards",
        why="no batch can be cut from it",
        fix=f"use {fitting}, or give at least {sequence_length + 1} tokens of text",
    )
