"""The words of a text as 64-bit hashes, and n-grams of them: what indexes and classifiers are made of.

A word is a run of letters and digits in lower case; in scripts written without spaces every letter is one. These are
the words that sketches are made of (see statistics/shingles), hashed by the same compiled code.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingot.core.compiling import cached
from ingot.data import characters
from ingot.data.statistics.arrays import ZERO, Bytes, Codes, Text
from ingot.data.statistics.codepoints import decode
from ingot.data.statistics.shingles import simple_words

Hashes = npt.NDArray[np.uint64]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


def word_hashes(text: str) -> Hashes:
    """Return the hash of every word of a text, in order.

    >>> word_hashes("To be, or not TO BE.").tolist()[:2] == word_hashes("to be").tolist()
    True
    """
    data = np.frombuffer(text.encode("utf-8", "replace") or b"\0", np.uint8)
    size = len(text) if text else 0
    hashes = np.empty(size + 1, np.uint64)
    room = np.empty(size + 1, np.uint64)
    count = _hash_words(data, len(data) if text else 0, characters.table(), characters.lower(), room, hashes)
    return hashes[:count]


def ngram_hashes(words: Hashes, length: int) -> Hashes:
    """Return a hash of every `length` words in a row; none for a shorter text."""
    count = max(0, len(words) - length + 1)
    hashes = np.full(count, length, np.uint64)
    for offset in range(length):
        hashes ^= words[offset : offset + count]
        hashes *= _FACTOR
        hashes ^= hashes >> _SHIFT
    return hashes


@cached
def _hash_words(data: Bytes, end: int, table: Text, lower: Codes, room: Text, hashes: Hashes) -> int:
    count, _ = decode(data, ZERO, end, table, room, len(room))
    return simple_words(room, count, lower, ZERO, hashes)
