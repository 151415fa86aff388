"""The arrays that compiled functions work on, and what their columns are.

A text is an array of characters (see data/characters). Its words are columns of whole numbers, and so is a table of
hashes; a hash stands there as the signed number of the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

PLACES = 112  # minima in a signature; bands are made of them in similarity
SHINGLE_WORDS = 5

Text = npt.NDArray[np.uint64]
Words = npt.NDArray[np.int64]  # [WORD_COLUMNS, words]
Table = npt.NDArray[np.int64]  # [TABLE_COLUMNS, places], the number of places a power of two
Row = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]

# For variables that are handed on: a plain 0 has a type of its own, for which numba would translate a function again.
ZERO: Any = np.int64(0)

# A word: where it begins, how many characters it has, its hash; then of the n-gram that begins with it: its hash, its
# place in the table, and how many in a row repeat from there.
START, LENGTH, HASH, GRAM, SLOT, RUN = range(6)
WORD_COLUMNS = 6
# An entry: a hash, 0 for a free place; how often it was met; which word met it first.
KEY, TIMES, FIRST = range(3)
TABLE_COLUMNS = 3
