"""Sketches: the least hash of a text's shingles under each of 112 hash functions (Broder, 1997).

A shingle is five words in a row, in lower case, letters and digits of any script only; in scripts written without
spaces every letter is a word. Where two texts have the same minimum is as likely as their sets of shingles are alike.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ingot.core.compiling import compiled
from ingot.data.characters import ALONE, DIGIT, LETTER
from ingot.data.statistics.arrays import PLACES, SHINGLE_WORDS, ZERO, Codes, Hashes, Text
from ingot.data.statistics.hashing import FACTOR, FIRST_SHIFT, SEED, mixed

LARGEST = np.uint32(0xFFFFFFFF)
_AT_ONCE = 4

Permutations = npt.NDArray[np.uint32]  # [2, PLACES]: factors and offsets


@cache
def permutations() -> Permutations:
    """Return the hash functions; always the same, so that signatures of different datasets can be compared."""
    drawn = np.random.Generator(np.random.PCG64(0)).integers(0, 1 << 32, (2, PLACES), np.uint32)
    drawn[0] |= 1  # odd, so that multiplying loses nothing
    return drawn


@compiled
def simple_words(text: Text, end: int, lower: Codes, held: int, hashes: Hashes) -> int:
    """Put the hashes of the words behind the first `held` and return how many there are."""
    count, place = held, ZERO
    while place < end:
        if not text[place] & (LETTER | DIGIT):
            place += 1
            continue
        value, is_alone = SEED, text[place] & ALONE
        while True:
            value = (value ^ np.uint64(lower[np.uint32(text[place])])) * FACTOR
            place += 1
            if is_alone or place == end or not text[place] & (LETTER | DIGIT) or text[place] & ALONE:
                break
        hashes[count] = mixed(value)
        count += 1
    return count


@compiled
def words_hash(hashes: Hashes, held: int, count: int, value: np.uint64) -> np.uint64:
    """Go on with the hash of all words in order."""
    for word in range(held, count):
        value = mixed(value ^ hashes[word]) + hashes[word]
    return value


@compiled
def sketch(hashes: Hashes, count: int, permutations: Permutations, signature: Codes) -> None:
    """Lower the minima of a signature to the least hashes of the shingles of so many words, which are overwritten."""
    shingles = count - SHINGLE_WORDS + 1
    for first in range(shingles):
        value = SEED
        for word in range(first, first + SHINGLE_WORDS):
            value = (value ^ hashes[word]) * FACTOR
            value ^= value >> FIRST_SHIFT
        hashes[first] = mixed(value)
    # Several shingles at a time, so that a minimum is fetched once for all of them; one taken twice does no harm.
    for first in range(0, shingles, _AT_ONCE):
        last = shingles - 1
        one, two = np.uint32(hashes[first]), np.uint32(hashes[min(first + 1, last)])
        three, four = np.uint32(hashes[min(first + 2, last)]), np.uint32(hashes[min(first + 3, last)])
        for place in range(PLACES):
            factor, offset = permutations[0, place], permutations[1, place]
            left = min(_permuted(one, factor, offset), _permuted(two, factor, offset))
            right = min(_permuted(three, factor, offset), _permuted(four, factor, offset))
            signature[place] = min(signature[place], min(left, right))


@compiled
def _permuted(value: np.uint32, factor: np.uint32, offset: np.uint32) -> np.uint32:
    # Linear permutations do, since what they permute is a hash (Bohman, Cooper and Frieze, 2000).
    return np.uint32(value * factor + offset)
