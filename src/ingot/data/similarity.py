"""Sketches of texts and groups of similar ones: the machinery behind near-duplicates and behind a split without leaks.

A text becomes its set of shingles (five words in a row, lower case, letters and digits only), the set becomes 112
minima of hash functions. Groups are the connected components of the pairs whose estimated similarity reaches the
threshold. See Broder (1997), "On the resemblance and containment of documents"; bands after Leskovec et al., chapter
3.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from ingot.data.characters import DIGIT, codes, kinds, word_starts

SHINGLE_WORDS = 5
BANDS = 28
BAND_ROWS = 4
PLACES = BANDS * BAND_ROWS
_BATCH = 256
_SMALL_GROUP = 64
_MOST_LEADERS = 64
_PAIRS_AT_ONCE = 1 << 16
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_OFFSET = np.uint64(0xD1B54A32D192ED03)
_SHIFT = np.uint64(29)
# Odd, so that no character is lost; a letter beyond the 64th of a word counts without its place.
_FACTORS = np.random.Generator(np.random.PCG64(0)).integers(0, 1 << 63, 64, np.uint64) * np.uint64(2) + np.uint64(1)

Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Sketches:
    """Signatures of texts, uint32 [texts, PLACES], and which texts were long enough to have one."""

    signatures: npt.NDArray[np.uint32]
    is_sketched: npt.NDArray[np.bool_]

    def take(self, rows: Integers) -> Sketches:
        """Return the sketches of some texts."""
        return Sketches(self.signatures[rows], self.is_sketched[rows])


def sketch(texts: Iterable[str], seed: int) -> Sketches:
    """Return the sketches of texts, which are read once; 448 bytes a text are kept."""
    source = iter(texts)
    parts = []
    while batch := list(islice(source, _BATCH)):
        parts.append(_signatures([shingles(text) for text in batch], seed))
    return join(parts)


def join(parts: list[Sketches]) -> Sketches:
    """Put sketches of consecutive texts together."""
    empty = Sketches(np.empty((0, PLACES), np.uint32), np.empty(0, np.bool_))
    all_parts = [empty, *parts]
    return Sketches(
        np.concatenate([part.signatures for part in all_parts]),
        np.concatenate([part.is_sketched for part in all_parts]),
    )


def shingles(text: str) -> Hashes:
    """Return a 64-bit hash of every five words in a row; none for a shorter text."""
    hashes = _word_hashes(text.lower())
    count = len(hashes) - SHINGLE_WORDS + 1
    if count < 1:
        return np.empty(0, np.uint64)
    mixed = np.zeros(count, np.uint64)
    for offset in range(SHINGLE_WORDS):
        mixed = _mix(mixed ^ hashes[offset : offset + count])
    return mixed


def _word_hashes(text: str) -> Hashes:
    """Hash every word with array operations: the sum of its characters, each times a factor for its place."""
    code_points = codes(text)
    of = kinds(code_points)
    is_start = word_starts(of)
    in_word = np.flatnonzero(of >= DIGIT)
    starts = np.flatnonzero(is_start[in_word])
    if not len(starts):
        return np.empty(0, np.uint64)
    lengths = np.diff(np.append(starts, len(in_word)))
    places = np.arange(len(in_word)) - np.repeat(starts, lengths)
    factors = _FACTORS[np.minimum(places, len(_FACTORS) - 1)]
    return _mix(np.add.reduceat((code_points[in_word].astype(np.uint64) + _OFFSET) * factors, starts))


def _mix(hashes: Hashes) -> Hashes:
    mixed = (hashes ^ (hashes >> _SHIFT)) * _MULTIPLIER
    return mixed ^ (mixed >> _SHIFT)


def _signatures(sets: list[Hashes], seed: int) -> Sketches:
    lengths = np.array([len(each) for each in sets], np.uint64)
    offsets = np.concatenate([np.zeros(1, np.uint64), np.cumsum(lengths, dtype=np.uint64)])
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(np.concatenate(sets), offsets, PLACES, seed)
    return Sketches(np.array(matrix.to_rows(), np.uint32).reshape(len(sets), PLACES), lengths > 0)


def groups(sketches: Sketches, similarity: float) -> Integers:
    """Return for every text the number of the first text of its group: its own when nothing earlier is similar."""
    firsts = np.arange(len(sketches.signatures), dtype=np.int64)
    rows = np.flatnonzero(sketches.is_sketched)
    distinct, representative, member_of = _distinct(sketches.signatures[rows])
    parent = list(range(len(distinct)))
    for left, right in _similar_pairs(distinct, similarity):
        _unite(parent, left, right)
    # Distinct signatures are numbered by first occurrence, so the smallest number of a group is its first text.
    roots = np.array([_root(parent, number) for number in range(len(distinct))], dtype=np.int64)
    if len(rows):
        firsts[rows] = rows[representative[roots[member_of]]]
    return firsts


def _distinct(signatures: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.uint32], Integers, Integers]:
    """Return the distinct signatures, where each first occurs (in that order), and which one each row is."""
    number: dict[bytes, int] = {}
    first: list[int] = []
    member_of = np.empty(len(signatures), np.int64)
    for row, signature in enumerate(signatures):
        key = signature.tobytes()
        if key not in number:
            number[key] = len(first)
            first.append(row)
        member_of[row] = number[key]
    representative = np.array(first, np.int64)
    return signatures[representative], representative, member_of


def _similar_pairs(signatures: npt.NDArray[np.uint32], similarity: float) -> Iterator[tuple[int, int]]:
    """Yield the pairs that share a band and agree in enough places; each at least once per connected component."""
    least = int(np.ceil(similarity * PLACES - 1e-9))
    for band in range(BANDS):
        rows = signatures[:, band * BAND_ROWS : (band + 1) * BAND_ROWS].astype(np.uint64)
        for left, right in _bounded(_candidates(_band_keys(rows), signatures, least)):
            agreement = (signatures[left] == signatures[right]).sum(axis=1)
            for index in np.flatnonzero(agreement >= least):
                yield int(left[index]), int(right[index])


def _band_keys(rows: Hashes) -> Hashes:
    """Return one number for the rows of a band; the rare two bands that share one are told apart by verification."""
    keys = np.zeros(len(rows), np.uint64)
    for row in range(rows.shape[1]):
        keys = _mix(keys ^ rows[:, row])
    return keys


def _candidates(keys: Hashes, signatures: npt.NDArray[np.uint32], least: int) -> Iterator[tuple[Integers, Integers]]:
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
        yield from _by_leaders(order[starts[place] : ends[place]], signatures, least)


def _by_leaders(
    members: Integers, signatures: npt.NDArray[np.uint32], least: int
) -> Iterator[tuple[Integers, Integers]]:
    """Compare a large group with few of its members instead of pairwise: each leader takes the ones similar to it."""
    for _ in range(_MOST_LEADERS):
        if len(members) < 2:
            return
        leader, rest = members[0], members[1:]
        is_similar = (signatures[rest] == signatures[leader]).sum(axis=1) >= least
        yield np.full(int(is_similar.sum()), leader, np.int64), rest[is_similar]
        members = rest[~is_similar]


def _bounded(pairs: Iterator[tuple[Integers, Integers]]) -> Iterator[tuple[Integers, Integers]]:
    """Yield the pairs in portions, so that comparing one needs bounded memory."""
    for left, right in pairs:
        for start in range(0, len(left), _PAIRS_AT_ONCE):
            yield left[start : start + _PAIRS_AT_ONCE], right[start : start + _PAIRS_AT_ONCE]


def _unite(parent: list[int], left: int, right: int) -> None:
    low, high = sorted((_root(parent, left), _root(parent, right)))
    parent[high] = low


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number
