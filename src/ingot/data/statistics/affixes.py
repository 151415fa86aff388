"""What is cut off the ends of a stretch without white space, and where it is cut inside: spaCy's English rules.

Each function looks at the characters from `start` to `end` and says how many belong to the piece, 0 for none.
"""

from __future__ import annotations

import numpy as np

from ingot.core.compiling import compiled
from ingot.data.characters import (
    BEFORE_PERIOD,
    BEGINNING,
    ENDING,
    HYPHEN,
    ICON,
    LOWER,
    NUMERAL,
    PLAIN,
    QUOTE,
    UPPER,
    WORD_LETTER,
)
from ingot.data.statistics.arrays import Text
from ingot.data.statistics.rules import LONGEST_UNIT, UNIT, Rules, rule_of

_PERIOD, _PLUS, _MINUS, _COMMA, _DOLLAR, _DEGREE = (ord(sign) for sign in ".+-,$°")
_STAR, _CARET, _COLON, _LESS, _MORE, _EQUAL, _SLASH, _LONG_DASH = (ord(sign) for sign in "*^:<>=/—")
_SMALL_S, _LARGE_S, _APOSTROPHE, _CURLY_APOSTROPHE = (ord(sign) for sign in "sS'’")
_A, _C, _U, _F, _K = (ord(letter) for letter in "ACUFK")
_TO_UPPER = 0x20


@compiled
def prefix_length(text: Text, start: int, end: int) -> int:
    """Return the length of a sign, an ellipsis or a currency at the beginning."""
    code = np.uint32(text[start])
    if code == _PERIOD:
        run = run_length(text, start, end)
        return run if run > 1 else 0
    if code == _PLUS:
        return 0 if start + 1 < end and text[start + 1] & NUMERAL else 1
    if text[start] & BEGINNING:
        return 1
    if start + 1 < end and np.uint32(text[start + 1]) == _DOLLAR:
        return 2 if code == _C or code == _A else 0
    if code == _U and start + 2 < end and np.uint32(text[start + 1]) == _LARGE_S:
        return 3 if np.uint32(text[start + 2]) == _DOLLAR else 0
    return 0


@compiled
def run_length(text: Text, start: int, end: int) -> int:
    """Return how often the character at `start` stands there in a row."""
    place = start + 1
    while place < end and text[place] == text[start]:
        place += 1
    return place - start


@compiled
def suffix_length(text: Text, start: int, end: int, rules: Rules) -> int:
    """Return the length of a sign, a period, a possessive s or a unit at the end."""
    if start >= end:
        return 0
    last = np.uint32(text[end - 1])
    if last == _PERIOD:
        return _periods(text, start, end)
    if (last == _SMALL_S or last == _LARGE_S) and end - 2 >= start:
        before = np.uint32(text[end - 2])
        if before == _APOSTROPHE or before == _CURLY_APOSTROPHE:
            return 2
    for length in range(LONGEST_UNIT, 0, -1):
        place = end - length
        if place > start and text[place - 1] & NUMERAL and rule_of(rules, text, place, end) & UNIT:
            return length
    if text[end - 1] & ENDING:
        return 1
    return 1 if last == _PLUS and end - 2 >= start and text[end - 2] & NUMERAL else 0


@compiled
def _periods(text: Text, start: int, end: int) -> int:
    """Return how many periods end a stretch, 0 for the one of an abbreviation."""
    place = end - 1
    while place > start and np.uint32(text[place - 1]) == _PERIOD:
        place -= 1
    if end - place > 1:
        return end - place
    if place == start:
        return 0
    if text[place - 1] & BEFORE_PERIOD:
        return 1
    if place - 2 < start:
        return 0
    if text[place - 1] & UPPER and text[place - 2] & UPPER:
        return 1
    scale = np.uint32(text[place - 1]) & ~_TO_UPPER
    return 1 if np.uint32(text[place - 2]) == _DEGREE and (scale == _F or scale == _C or scale == _K) else 0


@compiled
def infix_length(text: Text, place: int, start: int, end: int) -> int:
    """Return the length of what separates two words at `place`: an ellipsis, a symbol, a sign between letters."""
    character = text[place]
    if character & (PLAIN | NUMERAL):
        return 0
    code = np.uint32(character)
    if code == _PERIOD:
        run = run_length(text, place, end)
        return run if run > 1 else _between(text, place, start, end, LOWER | QUOTE, UPPER | QUOTE)
    if character & ICON:
        return 1
    if code == _PLUS or code == _MINUS or code == _STAR or code == _CARET:
        is_inside = place > start and place + 1 < end and text[place - 1] & NUMERAL
        if is_inside and (text[place + 1] & NUMERAL or np.uint32(text[place + 1]) == _MINUS):
            return 1
    if character & HYPHEN:
        return _hyphens(text, place, start, end)
    if code == _COMMA:
        return _between(text, place, start, end, WORD_LETTER, WORD_LETTER)
    if code == _COLON or code == _LESS or code == _MORE or code == _EQUAL or code == _SLASH:
        return _between(text, place, start, end, WORD_LETTER | NUMERAL, WORD_LETTER)
    return 0


@compiled
def _between(text: Text, place: int, start: int, end: int, before: np.uint64, after: np.uint64) -> int:
    if place == start or place + 1 >= end:
        return 0
    return 1 if text[place - 1] & before and text[place + 1] & after else 0


@compiled
def _hyphens(text: Text, place: int, start: int, end: int) -> int:
    """Return the length of a hyphen or dash, or of two or three hyphens or two long dashes, before a letter."""
    if place == start or not text[place - 1] & (WORD_LETTER | NUMERAL):
        return 0
    if place + 1 < end and text[place + 1] & WORD_LETTER:
        return 1
    code = np.uint32(text[place])
    most = 3 if code == _MINUS else 2 if code == _LONG_DASH else 1
    run = run_length(text, place, end)
    return run if 1 < run <= most and place + run < end and text[place + run] & WORD_LETTER else 0
