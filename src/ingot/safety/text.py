"""A text that remembers what was computed about it, so that twenty detectors read its bytes once.

`Text` is a `str`: a detector can be handed either. Offsets of findings are characters, RE2 works on UTF-8; the map
between the two is one cumulative sum, and nothing at all for ASCII.
"""

from __future__ import annotations

import re
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ingot.safety.names import Name, names_of
from ingot.safety.words import Words, words_of


class Text(str):
    """A text with its UTF-8 form, its character offsets and its words, each computed when first asked for."""

    @classmethod
    def of(cls, text: str) -> Text:
        """Return the text itself when it is a Text already, so that what it remembers is kept."""
        return text if isinstance(text, Text) else cls(text)

    @cached_property
    def utf8(self) -> bytes:
        """The text in UTF-8; half surrogates, which no valid UTF-8 has, keep their three bytes."""
        return self.encode("utf-8", "surrogatepass")

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64] | None:
        """The character at each byte of `utf8` and at its end, or None where both count the same."""
        if len(self.utf8) == len(self):
            return None
        starts = (np.frombuffer(self.utf8, dtype=np.uint8) & 0xC0) != 0x80
        return np.concatenate([np.cumsum(starts) - starts, [len(self)]])

    @cached_property
    def words(self) -> Words:
        """The words of the text with their classes (see words)."""
        return words_of(self)

    @cached_property
    def names(self) -> list[Name]:
        """The rows of capitalised words that may be names (see names)."""
        return names_of(self, self.words)

    def before(self, place: int, characters: int) -> str:
        """Return the characters before a place, in small letters."""
        return self[max(0, place - characters) : place].lower()

    def after(self, place: int, characters: int) -> str:
        """Return the characters from a place on, in small letters."""
        return self[place : place + characters].lower()


def any_word(words: tuple[str, ...]) -> re.Pattern[str]:
    """Compile "one of these words stands here", for the few characters around a finding."""
    choices = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{choices})(?!\w)", re.IGNORECASE)
