"""What kind of character each one is, and its plain form, as tables that a whole text is looked up in at once.

Characters beyond the first plane count as symbols: names are not written with them.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

OTHER, DIGIT, LETTER, CAPITAL = 0, 1, 2, 3
_PLANE = 1 << 16
# Letters that have no decomposition in Unicode, and the letter a list without accents writes for them.
_PLAIN = str.maketrans("øłđðþıħŧŋßæœ", "olddtihtnsao")

Codes = npt.NDArray[np.uint16] | npt.NDArray[np.uint8]


def codes(text: str) -> Codes:
    """Return the code points of a text, as bytes where it is ASCII; those beyond the first plane become 0xFFFF."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return np.minimum(points, _PLANE - 1).astype(np.uint16)


@cache
def kinds() -> npt.NDArray[np.uint8]:
    """Return OTHER, DIGIT, LETTER or CAPITAL for every character of the first plane; combining marks are letters."""
    found = np.zeros(_PLANE, dtype=np.uint8)
    for code in range(_PLANE):
        category = unicodedata.category(chr(code))
        if category in ("Lu", "Lt"):
            found[code] = CAPITAL
        elif category[0] in "LM":
            found[code] = LETTER
        elif category == "Nd":
            found[code] = DIGIT
    return found


@cache
def plain() -> npt.NDArray[np.uint16]:
    """Return the small letter without accents for every character of the first plane: É becomes e, Ł becomes l."""
    forms = (unicodedata.normalize("NFKD", chr(code).lower())[0].translate(_PLAIN) for code in range(_PLANE))
    return np.fromiter((min(ord(form), _PLANE - 1) for form in forms), dtype=np.uint16, count=_PLANE)


def as_plain(word: str) -> str:
    """Return a word in small letters without accents.

    >>> as_plain("Łukasz"), as_plain("MÜLLER")
    ('lukasz', 'muller')
    """
    if word.isascii():
        return word.lower()
    return plain()[codes(word)].tobytes().decode("utf-16-le", "replace")
