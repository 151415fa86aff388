"""Cut a long text into pieces whose token ids, joined, are the ids of the whole.

A reader matches the split regex from left to right, so ids do not change where every match must end, whatever stands
before it, and where no match looks ahead. Two such places are easy to see: between a letter or digit and a character
that is no letter, and between a line feed and a visible character. Pieces bound memory (the tokenizer holds about 40
bytes for each byte it is given) and let one long document use several cores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
_NO_LETTERS = r"\x00-@\[-`{-~\u3001\u3002\uff01\uff0c\uff1f"
_SAFE_CUT = re.compile(rf"[{_LETTERS}](?=[{_NO_LETTERS}])|\n(?=[!-~])")


def pieces(text: str, size: int = PIECE_CHARACTERS, longest: int = LONGEST_CHARACTERS) -> Iterator[str]:
    """Yield `text` in pieces of at least `size` characters, the last excepted; at least one, which may be empty.

    A piece ends at the first safe place after `size`, or after `longest` characters where there is none. Time O(n).
    """
    start = 0
    while len(text) - start > size:
        hard_end = start + longest
        safe = _SAFE_CUT.search(text, start + size - 1, hard_end + 1)
        end = safe.end() if safe else min(hard_end, len(text))
        yield text[start:end]
        start = end
    if start < len(text) or not text:
        yield text[start:]
