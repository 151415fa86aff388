"""The script a text is mostly written in: what tells languages apart where nobody has named them.

Coarse on purpose. German and English share a script and are told apart only by a `language` column; what costs tokens
is a script of its own, because its letters are several bytes each. Blocks are those of the Unicode standard.
"""

from __future__ import annotations

from typing import Final

import numpy as np

UNKNOWN: Final = "none"
_SAMPLE_CHARACTERS = 4096

# First code point of a stretch of blocks, and its script; letters below U+0041 do not exist.
_STRETCHES = (
    (0x0000, ""),
    (0x0041, "Latin"),
    (0x005B, ""),
    (0x0061, "Latin"),
    (0x007B, ""),
    (0x00C0, "Latin"),
    (0x0250, ""),
    (0x0370, "Greek"),
    (0x0400, "Cyrillic"),
    (0x0530, "Armenian"),
    (0x0590, "Hebrew"),
    (0x0600, "Arabic"),
    (0x0700, ""),
    (0x0750, "Arabic"),
    (0x0780, ""),
    (0x0900, "Devanagari"),
    (0x0980, "Bengali"),
    (0x0A00, "Gurmukhi"),
    (0x0A80, "Gujarati"),
    (0x0B00, "Odia"),
    (0x0B80, "Tamil"),
    (0x0C00, "Telugu"),
    (0x0C80, "Kannada"),
    (0x0D00, "Malayalam"),
    (0x0D80, "Sinhala"),
    (0x0E00, "Thai"),
    (0x0E80, "Lao"),
    (0x0F00, "Tibetan"),
    (0x1000, "Myanmar"),
    (0x10A0, "Georgian"),
    (0x1100, "Hangul"),
    (0x1200, "Ethiopic"),
    (0x13A0, ""),
    (0x1780, "Khmer"),
    (0x1800, "Mongolian"),
    (0x18B0, ""),
    (0x1E00, "Latin"),
    (0x1F00, "Greek"),
    (0x2000, ""),
    (0x3040, "Japanese"),
    (0x3100, ""),
    (0x3400, "Han"),
    (0xA000, ""),
    (0xAC00, "Hangul"),
    (0xD7B0, ""),
    (0x20000, "Han"),
    (0x32000, ""),
)
_STARTS = np.array([start for start, _ in _STRETCHES], dtype=np.uint32)
_NAMES = tuple(sorted({name for _, name in _STRETCHES}))
_NUMBER_OF = np.array([_NAMES.index(name) for _, name in _STRETCHES])
_JAPANESE, _HAN = _NAMES.index("Japanese"), _NAMES.index("Han")


def script_of(text: str) -> str:
    """Return the script with the most letters in the opening of a text; "none" when it has none that is known.

    >>> script_of("Статья 1. Общие положения")
    'Cyrillic'
    """
    codes = np.frombuffer(text[:_SAMPLE_CHARACTERS].encode("utf-32-le", "surrogatepass"), dtype="<u4")
    counts = np.bincount(_NUMBER_OF[np.searchsorted(_STARTS, codes, side="right") - 1], minlength=len(_NAMES))
    counts[0] = 0
    if counts[_JAPANESE]:  # Japanese is written in Han characters too
        counts[_JAPANESE] += counts[_HAN]
    most = int(counts.argmax())
    return _NAMES[most] if counts[most] else UNKNOWN
