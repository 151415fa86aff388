"""A permutation that is computed instead of stored: where the n-th of many goes, without a table of all.

A Feistel network over numbers (Luby and Rackoff 1988), walked until it lands inside the range (Black and Rogaway 2002,
section 3). Every key names another permutation; a million windows or a million million cost the same memory: none.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]

_ROUNDS = 6
_ONE = np.uint64(1)


def permute(places: Numbers, counts: Numbers, keys: Numbers) -> Numbers:
    """Return where each of `places` goes in the permutation of `range(count)` that its key names."""
    # Two halves of equal width: the range is at most four times the count, or 4, so few steps of the walk are needed.
    bits = np.frexp((counts - _ONE).astype(np.float64))[1]  # of an integer below 2**53 this is its length in bits
    half = np.maximum(1, (bits + 1) // 2).astype(np.uint64)
    numbers = _feistel(places, half, keys)
    while len(outside := np.flatnonzero(numbers >= counts)):
        numbers[outside] = _feistel(numbers[outside], half[outside], keys[outside])
    return numbers


def mix(x: Numbers) -> Numbers:
    """Scatter 64 bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def key_of(seed: int, *names: str | int) -> Numbers:
    """Return 64 bits, as an array of one, that differ for every seed and every list of names."""
    told = "\0".join(map(str, (seed, *names)))
    digest = hashlib.blake2b(told.encode("utf-8"), digest_size=8, person=b"order").digest()
    return np.array([int.from_bytes(digest, "little")], dtype=np.uint64)


def _feistel(numbers: Numbers, half: Numbers, key: Numbers) -> Numbers:
    mask = (_ONE << half) - _ONE
    left, right = numbers >> half, numbers & mask
    for turn in range(_ROUNDS):
        left, right = right, left ^ (mix(right ^ mix(key + np.uint64(turn))) & mask)
    return (left << half) | right
