"""What the characters of a text are, as arrays: the fast ground under statistics and sketches.

One table maps a code point to space, symbol, digit, letter, or a letter of a script written without spaces, where every
character counts as a word. Array operations on it are some ten times as fast as regular expressions.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

SPACE, SYMBOL, DIGIT, LETTER, WORD_LETTER = range(5)
_TABLE_SIZE = 0x30000  # beyond lie only tags and private characters
_WITHOUT_SPACES = (
    *((0x0E00, 0x0E7F), (0x0E80, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF)),  # Thai, Lao, Burmese, Khmer
    *((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FFFF)),  # Japanese, Chinese
)

Kinds = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint32]


def codes(text: str) -> Codes:
    """Return the code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", errors="replace"), np.uint32)


def kinds(code_points: Codes) -> Kinds:
    """Return the kind of every code point."""
    return _table()[np.minimum(code_points, _TABLE_SIZE - 1)]


def word_starts(of: Kinds) -> npt.NDArray[np.bool_]:
    """Return where words begin: runs of letters and digits, and every letter of a script without spaces."""
    is_word = of >= DIGIT
    is_alone = of == WORD_LETTER
    starts = is_word.copy()
    starts[1:] &= ~is_word[:-1] | is_alone[1:] | is_alone[:-1]
    return starts


@cache
def _table() -> Kinds:
    by_category = {"L": LETTER, "M": LETTER, "N": DIGIT, "Z": SPACE}
    table = np.array(
        [by_category.get(unicodedata.category(chr(code))[0], SYMBOL) for code in range(_TABLE_SIZE)], np.uint8
    )
    table[[ord(space) for space in "\t\n\v\f\r"]] = SPACE
    for first, last in _WITHOUT_SPACES:
        block = table[first : last + 1]
        block[block == LETTER] = WORD_LETTER
    return table
