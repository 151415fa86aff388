"""Groups of similar texts from their sketches: behind near-duplicates, and behind a split without leaks.

Two signatures agree at a place with the probability of their shingle sets' Jaccard similarity (Broder, 1997; see
statistics/shingles). Texts that share a band of places are candidates (Leskovec et al., chapter 3.4), every candidate
is verified on all places before two groups become one, and groups are the connected components of what is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingot.data.statistics.arrays import PLACES
from ingot.data.statistics.columns import Statistics

# 28 bands of 4 rows find a pair of similarity 0.7 with probability 0.9995 and one of 0.5 with 0.83.
BANDS = 28
BAND_ROWS = PLACES // BANDS
_SMALL_GROUP = 64
_MOST_LEADERS = 64
_PAIRS_AT_ONCE = 1 << 16
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)

Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Signatures = npt.NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Sketches:
    """Signatures of texts, uint32 [texts, PLACES], and which texts were long enough to have one."""

    signatures: Signatures
    is_sketched: npt.NDArray[np.bool_]

    def take(self, rows: Integers) -> Sketches:
        """Return the sketches of some texts."""
        return Sketches(self.signatures[rows], self.is_sketched[rows])


def sketches_of(batches: Sequence[Statistics]) -> Sketches:
    """Return the sketches of all texts, 448 bytes each, from the statistics of batches."""
    return Sketches(
        np.concatenate([np.empty((0, PLACES), np.uint32), *(batch.signatures for batch in batches)]),
        np.concatenate([np.empty(0, np.bool_), *(batch.is_sketched for batch in batches)]),
    )


def groups(sketches: Sketches, similarity: float) -> Integers:
    """Return for every text the number of the first text of its group: its own when nothing earlier is similar."""
    firsts = np.arange(len(sketches.signatures), dtype=np.int64)
    sketched = np.flatnonzero(sketches.is_sketched)
    representative, member_of = _distinct(sketches.signatures, sketched)
    least = int(np.ceil(similarity * PLACES - 1e-9))
    root = np.arange(len(representative))
    for band in range(BANDS):
        keys = _keys(sketches.signatures, representative, range(band * BAND_ROWS, (band + 1) * BAND_ROWS))
        for left, right in _bounded(_candidates(keys, sketches.signatures, representative, least)):
            is_apart = root[left] != root[right]
            left, right = left[is_apart], right[is_apart]
            is_similar = _agreement(sketches.signatures, representative[left], representative[right]) >= least
            root = _united(root, left[is_similar], right[is_similar])
    # Distinct signatures are numbered by first occurrence, so the smallest number of a group is its first text.
    firsts[sketched] = representative[root[member_of]]
    return firsts


def _distinct(signatures: Signatures, rows: Integers) -> tuple[Integers, Integers]:
    """Return the rows where each distinct signature first occurs, in that order, and which of these each row is."""
    keys = _keys(signatures, rows, range(PLACES))
    _, first, member_of = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rows[first[order]], rank[member_of]


def _keys(signatures: Signatures, rows: Integers, places: range) -> Hashes:
    """Return one number for some places of each row; 64 bits, so that different ones hardly ever share it."""
    keys = np.zeros(len(rows), np.uint64)
    for place in places:
        mixed = (keys ^ signatures[rows, place]) * _MULTIPLIER
        keys = mixed ^ (mixed >> _SHIFT)
    return keys


def _agreement(signatures: Signatures, left: Integers, right: Integers) -> Integers:
    """Return at how many places pairs of rows agree."""
    agreement: Integers = np.count_nonzero(signatures[left] == signatures[right], axis=1)
    return agreement


def _candidates(
    keys: Hashes, signatures: Signatures, rows: Integers, least: int
) -> Iterator[tuple[Integers, Integers]]:
    """Yield pairs that share a key: all of small groups, and those with a leader of large ones."""
    order = np.argsort(keys, kind="stable")
    bounds = np.flatnonzero(np.diff(keys[order])) + 1
    starts, ends = np.concatenate([[0], bounds]), np.concatenate([bounds, [len(order)]])
    # All pairs of the small groups at once: those one place apart, then two, ...
    group_of = np.repeat(np.arange(len(starts)), ends - starts)
    is_small = np.repeat(ends - starts <= _SMALL_GROUP, ends - starts)
    for distance in range(1, _SMALL_GROUP):
        is_pair = (group_of[:-distance] == group_of[distance:]) & is_small[distance:]
        if not is_pair.any():
            break
        yield order[:-distance][is_pair], order[distance:][is_pair]
    for place in np.flatnonzero(ends - starts > _SMALL_GROUP):
        yield from _by_leaders(order[starts[place] : ends[place]], signatures, rows, least)


def _by_leaders(
    members: Integers, signatures: Signatures, rows: Integers, least: int
) -> Iterator[tuple[Integers, Integers]]:
    """Compare a large group with few of its members instead of pairwise: each leader takes the ones similar to it."""
    for _ in range(_MOST_LEADERS):
        if len(members) < 2:
            return
        leader, rest = members[0], members[1:]
        is_similar = _agreement(signatures, rows[leader : leader + 1], rows[rest]) >= least
        yield np.full(int(is_similar.sum()), leader, np.int64), rest[is_similar]
        members = rest[~is_similar]


def _bounded(pairs: Iterator[tuple[Integers, Integers]]) -> Iterator[tuple[Integers, Integers]]:
    """Yield the pairs in portions, so that comparing one needs bounded memory."""
    for left, right in pairs:
        for start in range(0, len(left), _PAIRS_AT_ONCE):
            yield left[start : start + _PAIRS_AT_ONCE], right[start : start + _PAIRS_AT_ONCE]


def _united(root: Integers, left: Integers, right: Integers) -> Integers:
    """Return the roots when these pairs belong together; a root is the smallest number of its group."""
    while len(left):
        low, high = np.minimum(root[left], root[right]), np.maximum(root[left], root[right])
        is_apart = low != high
        left, right = left[is_apart], right[is_apart]
        np.minimum.at(root, high[is_apart], low[is_apart])
        while (root[root] != root).any():
            root = root[root]
    return root
