"""Cut a long text into pieces whose token ids, joined, are the ids of the whole.

A reader matches the split regex from left to right, so ids do not change where every match must end, whatever stands
before it, and where no match looks ahead. Two such places are easy to see, for every rule in `splitting`: between
anything visible and a blank, and between a letter or digit and a character that is no letter. Pieces bound memory (the
reference encoder holds about 40 bytes for each byte it is given) and let one long document use several cores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

PIECE_CHARACTERS = 1 << 14
# Text without any safe place for this long is no language: base64 without line ends, one repeated letter. It is cut
# anyway: still lossless, but another reader that could hold all of it in memory might merge across the cut.
LONGEST_CHARACTERS = 1 << 20

# Only characters whose class is the same in every version of Unicode, so that Python and the regex engine agree.
_LETTERS = (
    "0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"  # digits and Latin
    "\u03b1-\u03c9\u0410-\u044f\u05d0-\u05ea\u0620-\u064a"  # Greek, Cyrillic, Hebrew, Arabic
    "\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3"  # kana, Han, Hangul
)
# An apostrophe is missing: 's is part of the word before it for some readers.
_NO_LETTERS = r"\x00-&(-/:-@\[-`{-~\u3001\u3002\uff01\uff0c\uff1f"
_SAFE_CUT = re.compile(rf"\S(?= )|[{_LETTERS}](?=[{_NO_LETTERS}])")


def pieces(
    text: str, size: int = PIECE_CHARACTERS, longest: int = LONGEST_CHARACTERS, protected: Sequence[str] = ()
) -> Iterator[str]:
    """Yield `text` in pieces of at least `size` characters, the last excepted; at least one, which may be empty.

    A piece ends at the first safe place after `size` that is not inside a `protected` term, or after `longest`
    characters where there is none. Time O(n).
    """
    start = 0
    while len(text) - start > size:
        end = _end(text, start + size - 1, start + longest, protected)
        yield text[start:end]
        start = end
    if start < len(text) or not text:
        yield text[start:]


def _end(text: str, first: int, hard_end: int, protected: Sequence[str]) -> int:
    for safe in _SAFE_CUT.finditer(text, first, hard_end + 1):
        if not any(_lies_across(term, text, safe.end()) for term in protected):
            return safe.end()
    return min(hard_end, len(text))


def _lies_across(term: str, text: str, place: int) -> bool:
    return text.find(term, max(0, place - len(term) + 1), place + len(term) - 1) >= 0
