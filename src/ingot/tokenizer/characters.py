"""What every character is to the regular expressions that cut words: a letter, a digit, white space, or none of them.

Asked of the regex engine of the reference encoder itself, not of Python: each knows its own version of Unicode, and a
character that one of them calls a letter and the other does not would be cut differently.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt
from tokenizers import Regex, normalizers

OTHER, LETTER, NUMBER, SPACE = 0, 1, 2, 3
CODE_POINTS = 0x110000

# Assigned as a whole long ago, and never to change: private use, the Han and Hangul blocks, and what is left empty.
_SETTLED = ((0x3400, 0x4DBF), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xD800, 0xF8FF), (0x20000, 0x2A6D6))
# From here on nothing is assigned, but for tags and private use: whatever will be, is unknown to somebody.
FIRST_UNASSIGNED = 0x34000

Kinds = npt.NDArray[np.uint8]


@cache
def kinds(marks_are_letters: bool = False) -> Kinds:
    """Return the kind of every code point, as one byte each. Takes half a second, once in a process."""
    table = np.zeros(CODE_POINTS, dtype=np.uint8)
    everything = "".join(map(chr, range(0xD800))) + "".join(map(chr, range(0xE000, CODE_POINTS)))
    for kind, found in _classified(everything, marks_are_letters):
        table[found] = kind
    table.setflags(write=False)
    return table


def kinds_of(characters: str, marks_are_letters: bool = False) -> Kinds:
    """Return the kind of each of some characters in ascending order, as one byte each."""
    code_points = _code_points(characters)
    found_kinds = np.zeros(len(code_points), dtype=np.uint8)
    for kind, found in _classified(characters, marks_are_letters):
        found_kinds[np.searchsorted(code_points, found)] = kind
    return found_kinds


@cache
def unsettled() -> str:
    """Return the characters below `FIRST_UNASSIGNED` that two versions of Unicode could disagree about."""
    is_settled = np.zeros(FIRST_UNASSIGNED, dtype=np.bool_)
    is_settled[:0x80] = True
    for first, last in _SETTLED:
        is_settled[first : last + 1] = True
    return np.flatnonzero(~is_settled).astype("<u4").tobytes().decode("utf-32-le")


def _classified(text: str, marks_are_letters: bool) -> Iterator[tuple[int, npt.NDArray[np.uint32]]]:
    """Yield each kind and its code points, by removing all others from the text."""
    others = {LETTER: r"[^\p{L}\p{M}]+" if marks_are_letters else r"\P{L}+", NUMBER: r"\P{N}+", SPACE: r"\S+"}
    for kind, pattern in others.items():
        yield kind, _code_points(normalizers.Replace(Regex(pattern), "").normalize_str(text))


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
