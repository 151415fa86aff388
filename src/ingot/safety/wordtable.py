"""A table from word hashes to classes that a hundred thousand words are looked up in at once.

Open addressing with a few probes (Knuth, volume 3, 6.4), vectorised: a binary search per word takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.uint16]

_FEWEST_SLOTS_BITS = 6
_SPARSENESS = 8  # slots per key: nearly every key lies in its first slot
_MOST_SEEN_BITS = 20


class WordTable:
    """Classes by hash; a hash that is not in the table has none."""

    def __init__(self, classes: Mapping[int, int]) -> None:
        bits = max(_FEWEST_SLOTS_BITS, (len(classes) * _SPARSENESS).bit_length())
        self._shift = np.uint64(64 - bits)
        self._keys = np.zeros(1 << bits, dtype=np.uint64)
        self._flags = np.zeros(1 << bits, dtype=np.uint16)
        for key, flags in classes.items():
            slot = key >> int(self._shift)
            while self._keys[slot]:
                slot = (slot + 1) % len(self._keys)
            self._keys[slot], self._flags[slot] = key, flags

    def look_up(self, hashes: Hashes) -> Flags:
        """Return the classes of each hash."""
        slots = (hashes >> self._shift).astype(np.int64)
        keys = self._keys[slots]
        found = np.where(keys == hashes, self._flags[slots], 0).astype(np.uint16)
        left = ((keys != hashes) & (keys != 0)).nonzero()[0]
        while len(left):
            slots[left] = (slots[left] + 1) % len(self._keys)
            keys = self._keys[slots[left]]
            hit = keys == hashes[left]
            found[left[hit]] = self._flags[slots[left[hit]]]
            left = left[~hit & (keys != 0)]
        return found


def seen(wanted: Hashes, among: Hashes) -> npt.NDArray[np.bool_]:
    """Say which hashes occur among others. A bitmap sorts out nearly all of both before they are compared."""
    if not len(wanted) or not len(among):
        return np.zeros(len(wanted), dtype=np.bool_)
    bits = min(_MOST_SEEN_BITS, (len(among) * _SPARSENESS).bit_length())
    shift = np.uint64(64 - bits)
    there = np.zeros(1 << bits, dtype=np.bool_)
    there[wanted >> shift] = True
    possible = among[there[among >> shift]]
    return np.isin(wanted, possible) if len(possible) else np.zeros(len(wanted), dtype=np.bool_)
