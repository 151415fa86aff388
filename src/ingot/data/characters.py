"""What every character is: one frozen table of traits under all statistics, sketches and word rules.

Python's own tables change with its version; these do not, so a text has the same statistics on every machine. They are
made by `python -m ingot.data.statistics.freeze`. In the table a character is one number: its code point in the low
half, and a bit for every trait in the high half.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

TRAITS = (
    *("space", "line_break", "letter", "digit", "symbol", "alone"),
    *("alphabetic", "decimal", "punctuation", "mark", "line_end", "sentence_end"),
    *("word_letter", "lower", "upper", "numeral", "beginning", "ending", "quote", "before_period"),
    *("icon", "hyphen", "plain", "broken_lead", "broken_tail", "broken_third", "phrase", "bracket"),
)
_BIT = {name: np.uint64(1 << (32 + place)) for place, name in enumerate(TRAITS)}

SPACE, LINE_BREAK = _BIT["space"], _BIT["line_break"]  # str.isspace; what str.splitlines cuts at
# Kinds of character in any script, one of the first four for each; ALONE: a letter of a script without spaces.
LETTER, DIGIT, SYMBOL, ALONE = _BIT["letter"], _BIT["digit"], _BIT["symbol"], _BIT["alone"]
ALPHABETIC, DECIMAL, MARK = _BIT["alphabetic"], _BIT["decimal"], _BIT["mark"]  # isalpha, isdecimal, category P
PUNCTUATION, LINE_END, SENTENCE_END = _BIT["punctuation"], _BIT["line_end"], _BIT["sentence_end"]
# The English word rules (see statistics/english): letters, 0 to 9, signs at either end, symbols.
WORD_LETTER, LOWER, UPPER, NUMERAL = _BIT["word_letter"], _BIT["lower"], _BIT["upper"], _BIT["numeral"]
BEGINNING, ENDING, QUOTE, BEFORE_PERIOD = _BIT["beginning"], _BIT["ending"], _BIT["quote"], _BIT["before_period"]
ICON, HYPHEN, PLAIN = _BIT["icon"], _BIT["hyphen"], _BIT["plain"]
# What is left of a character that was read in a wrong encoding: its first, later, and last sign of three.
BROKEN_LEAD, BROKEN_TAIL, BROKEN_THIRD = _BIT["broken_lead"], _BIT["broken_tail"], _BIT["broken_third"]
PHRASE, BRACKET = _BIT["phrase"], _BIT["bracket"]  # where C4's phrases are looked for
CODE_POINTS = 0x110000
FILE = Path(__file__).with_name("characters.json")

Characters = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.uint32]


@cache
def table() -> Characters:
    """Return every character by its code point. 9 MB, made once a process."""
    characters = np.arange(CODE_POINTS, dtype=np.uint64)
    for name, bounds in _frozen()["traits"].items():
        for first, last in zip(bounds[::2], bounds[1::2], strict=True):
            characters[first : last + 1] |= _BIT[name]
    characters.flags.writeable = False
    return characters


@cache
def lower() -> Codes:
    """Return the lower-case letter of every code point, itself where there is none or more than one."""
    letters = np.arange(CODE_POINTS, dtype=np.uint32)
    frozen = _frozen()["lower"]
    letters[[ord(character) for character in frozen["from"]]] = [ord(character) for character in frozen["to"]]
    letters.flags.writeable = False
    return letters


@cache
def _frozen() -> Any:
    return json.loads(FILE.read_text(encoding="utf-8"))
