"""Rows of capitalised words that may name a person, an organisation or a place, with what stands around them.

The three detectors of names look at the same rows; which of them is right is decided by their confidence.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np

from ingot.safety import lexicon
from ingot.safety.words import Words

_CONTEXT = 48
_ENDS_SENTENCE = '.!?:;\n\r"“”„«»>*•|?[('
_CAMEL = re.compile(r"(?!(?:Mc|Mac|Fitz|De|Di|Da|Du|La|Le|Van|Von|O))[A-Z][a-z]+[A-Z]|[A-Z]{2,}[a-z]|[a-z]+[A-Z]")
_ROMAN = re.compile(r"[IVX]{1,5}[a-dA-D]?")
_LINE_MARKS = " \t>*•|?-"


@dataclass(frozen=True, slots=True)
class NameWord:
    """One word of a row: its span in characters, its text, its classes, and how it is written."""

    start: int
    end: int
    text: str
    flags: int
    is_usual: bool
    is_upper: bool

    def has(self, classes: int) -> bool:
        """Say whether the word belongs to any of these classes."""
        return bool(self.flags & classes)

    @property
    def is_initial(self) -> bool:
        """Whether it is one capital letter, as in `John Q. Public`."""
        return self.end - self.start == 1 and self.is_upper

    @property
    def is_clear(self) -> bool:
        """Whether no list or ending says that it is an ordinary word."""
        return not self.flags & lexicon.ORDINARY

    @property
    def is_no_name(self) -> bool:
        """Whether it is written as no name is: `KeyError`, `IIIb`."""
        if self.text[1:].islower():
            return False
        return _ROMAN.fullmatch(self.text) is not None or (not self.is_upper and _CAMEL.match(self.text) is not None)


@dataclass(frozen=True, slots=True)
class Name:
    """A row of words. `text` is the whole text; `usual_capitals` as in Words.

    `left` and `right` are the characters around the row, in small letters and with plain apostrophes. `before` holds
    one, two and three words that stand directly before it, as they are written (`is`, `name is`, `my name is`);
    `after` one and two that stand directly after it, without the punctuation behind them.
    """

    text: str
    words: tuple[NameWord, ...]
    usual_capitals: bool
    start: int
    end: int
    left: str
    right: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def begins_sentence(self) -> bool:
        """Whether the row stands at the beginning of the text, a line or a sentence, or in quotation marks."""
        before = self.left.rstrip(" \t")
        return not before or before[-1] in _ENDS_SENTENCE

    @property
    def fills_line(self) -> bool:
        """Whether nothing else stands on the row's line, in a text of several lines."""
        if self.right.lstrip(" \t.,")[:1] not in ("", "\n"):
            return False
        left = self.text[self.text.rfind("\n", 0, self.start) + 1 : self.start]
        return "\n" in self.text and not left.strip(_LINE_MARKS)

    def lines_below(self, count: int) -> list[str]:
        """Return the next lines of the text, blank ones left out and marks of quotation stripped."""
        lines = self.text[self.end : self.end + 240].split("\n")[1:]
        return [line.strip(_LINE_MARKS) for line in lines if line.strip(_LINE_MARKS)][:count]

    def part(self, first: int, last: int) -> Name:
        """Return the row from one of its words to another, both included."""
        if first == 0 and last == len(self.words) - 1:
            return self
        return _name(self.text, self.words[first : last + 1], self.usual_capitals)


def _name(text: str, words: tuple[NameWord, ...], usual_capitals: bool) -> Name:
    start, end = words[0].start, words[-1].end
    left = text[max(0, start - _CONTEXT) : start].lower().replace("’", "'")
    right = text[end : end + _CONTEXT].lower().replace("’", "'")
    return Name(text, words, usual_capitals, start, end, left, right, _before(left), _after(right))


def _before(left: str) -> tuple[str, ...]:
    words = left.rpartition("\n\n")[2].split()[-3:] if left[-1:].isspace() else []
    return tuple(" ".join(words[-count:]) for count in range(1, len(words) + 1))


def _after(right: str) -> tuple[str, ...]:
    words = right.partition("\n\n")[0].split()[:2] if right[:1].isspace() else []
    return tuple(" ".join(words[:count]).rstrip(".,;:!?)\"'") for count in range(1, len(words) + 1))


def names_of(text: str, words: Words) -> list[Name]:
    """Return the rows of a text that may be names, in order."""
    firsts, lasts = words.runs[:, 0], words.runs[:, 1]
    counts = lasts - firsts + 1
    places = np.arange(counts.sum()) + np.repeat(firsts - np.cumsum(counts) + counts, counts)
    columns = (words.starts, words.ends, words.flags, words.is_usual, words.is_upper)
    rows = zip(*(column[places].tolist() for column in columns), strict=True)
    each = (NameWord(start, end, text[start:end], *rest) for start, end, *rest in rows)
    return [_name(text, tuple(itertools.islice(each, count)), words.usual_capitals) for count in counts.tolist()]
