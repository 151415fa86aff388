"""What one kind of national number is."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One kind of number.

    `shape` is the whole number as people write it, `is_valid` judges it without separators and in capitals, `words`
    announce it in a text. `alone` is the confidence without such a word, 0 where too many other numbers pass by chance.
    """

    name: str
    country: str
    shape: str
    is_valid: Callable[[str], bool]
    words: tuple[str, ...]
    alone: float

    @property
    def has_letters(self) -> bool:
        """Whether letters may stand in the number."""
        return any(mark.isupper() for mark in self.shape)

    def accepts(self, written: str) -> bool:
        """Say whether something written in a text is such a number."""
        return re.fullmatch(self.shape, written) is not None and self.is_valid(normal(written))


def normal(written: str) -> str:
    """Return a number in capitals without its separators; a plus sign, which tells a century, stays."""
    return re.sub(r"[ ./\-\u00a0]", "", written).upper()


def is_day(year: int, month: int, day: int) -> bool:
    """Say whether there is such a day."""
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def is_short_day(year: str, month: str, day: str) -> bool:
    """Say whether a day of a two-digit year exists in either century."""
    return any(is_day(century + int(year), int(month), int(day)) for century in (1900, 2000))
