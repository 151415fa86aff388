"""Letters composed (Unicode's form NFC), in time that grows with the text.

Putting marks in their order takes the square of how many follow one another: a letter with 300,000 of them takes two
minutes. So a run with more marks than any language has stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

_MOST_MARKS = 30  # Unicode's limit for text that is safe to stream (UAX #15, section 13)
_LONG = re.compile(rf"[^\x00-\x7f]{{{_MOST_MARKS + 1}}}")
# What composes with one another stands in one run: a letter and all that follows and is no plain character.
_RUN = re.compile(r"[\x20-\x7e]?[^\t\n\r\x20-\x7e]+")


def composed(text: str) -> str:
    r"""Return a text composed, but for runs with endless marks.

    >>> composed("Cafe\u0301").endswith("\u00e9")
    True
    """
    if unicodedata.is_normalized("NFC", text):  # what is out of order is seen at once
        return text
    if _LONG.search(text) is None:
        return unicodedata.normalize("NFC", text)
    return _RUN.sub(lambda run: run[0] if _has_endless_marks(run[0]) else unicodedata.normalize("NFC", run[0]), text)


def _has_endless_marks(run: str) -> bool:
    marks = (sum(1 for _ in each) for is_mark, each in groupby(map(unicodedata.combining, run), bool) if is_mark)
    return len(run) > _MOST_MARKS and max(marks, default=0) > _MOST_MARKS
