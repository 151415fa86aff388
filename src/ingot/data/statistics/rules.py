"""The rules of English words as one table to look stretches of characters up in, and C4's phrases; made once a process.

A rule is a number: the lengths of an exception's words, four bits each, the first in the lowest; and flags for what may
follow a digit and for each stop word.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ingot.core.compiling import compiled
from ingot.data.statistics import english
from ingot.data.statistics.arrays import Text
from ingot.data.statistics.hashing import (
    FACTOR,
    FIRST_SHIFT,
    MIX_FACTOR,
    SECOND_SHIFT,
    SEED,
    place_of,
    stretch_hash,
)

LONGEST_EXCEPTION, LONGEST_UNIT, LONGEST_STOP_WORD = 12, 5, 4
CUTS, UNIT = (1 << 32) - 1, 1 << 32
FIRST_STOP_WORD, STOP_WORDS = 40, 0xFF
BITS_OF_A_CUT, CUT = 4, 15
KEY, RULE = 0, 1
_PLACES = 1 << 13
_MASK = (1 << 64) - 1

# C4 leaves out lines with these, but the first refuses the text. Each is looked for by a letter that is rare enough,
# which characters.PHRASE marks.
LOREM_IPSUM, JAVASCRIPT, EDIT, CITATION_NEEDED = 0, 1, 8, 9
POLICIES = range(2, 8)
_PHRASES = (
    *(("lorem ipsum", "m"), ("javascript", "j"), ("terms of use", "f"), ("privacy policy", "v")),
    *(("cookie policy", "k"), ("uses cookies", "k"), ("use of cookies", "k"), ("use cookies", "k")),
    *(("[edit]", "["), ("[citation needed]", "[")),
)
RARE, ANCHOR, SIZE, LETTERS = range(4)

Rules = npt.NDArray[np.int64]  # [2, places]: KEY, RULE
Phrases = npt.NDArray[np.int64]  # [phrases, ...]: RARE, ANCHOR (its place), SIZE, LETTERS and on


@compiled
def rule_of(rules: Rules, text: Text, start: int, end: int) -> int:
    """Return the rule for the characters from `start` to `end`, 0 when there is none."""
    if end - start > LONGEST_EXCEPTION or end <= start:
        return 0
    return rule_of_hash(rules, stretch_hash(text, start, end))


@compiled
def rule_of_hash(rules: Rules, value: np.uint64) -> int:
    """Return the rule for a stretch with this hash; free places have none."""
    return int(rules[RULE, place_of(rules, rules.shape[1], value)])


@cache
def rules() -> Rules:
    """Return the table of rules."""
    found: dict[str, int] = {}
    for stretch, words in english.exceptions().items():
        found[stretch] = sum(len(word) << BITS_OF_A_CUT * place for place, word in enumerate(words))
    for unit in (*english.UNITS.split(), *english.DOLLARS.split(), *english.CURRENCIES):
        found[unit] = found.get(unit, 0) | UNIT
    for number, word in enumerate(english.STOP_WORDS):
        found[word] = found.get(word, 0) | 1 << (FIRST_STOP_WORD + number)
    table = np.zeros((2, _PLACES), np.int64)
    for stretch, rule in found.items():
        key = _hash(stretch)
        place = key & (_PLACES - 1)
        while table[KEY, place]:
            place = (place + 1) & (_PLACES - 1)
        table[:, place] = np.uint64(key).astype(np.int64), rule
    return table


@cache
def phrases() -> Phrases:
    """Return C4's phrases."""
    table = np.zeros((len(_PHRASES), LETTERS + max(len(phrase) for phrase, _ in _PHRASES)), np.int64)
    for row, (phrase, rare) in zip(table, _PHRASES, strict=True):
        row[RARE], row[ANCHOR], row[SIZE] = ord(rare), phrase.index(rare), len(phrase)
        row[LETTERS : LETTERS + len(phrase)] = [ord(letter) for letter in phrase]
    return table


def _hash(stretch: str) -> int:
    """Do what stretch_hash does, with Python's numbers."""
    value = int(SEED)
    for character in stretch:
        value = (value ^ ord(character)) * int(FACTOR) & _MASK
    value = (value ^ value >> int(FIRST_SHIFT)) * int(MIX_FACTOR) & _MASK
    return value ^ value >> int(SECOND_SHIFT)
