"""What two answers have in common once case, articles and punctuation do not count."""

from __future__ import annotations

import re
import string
import unicodedata

_ARTICLES = re.compile(r"\b(a|an|the)\b")


def plain(text: str) -> str:
    """Return a text as SQuAD compares answers (Rajpurkar et al. 2016), punctuation of every script left out.

    >>> plain("The  Eiffel-Tower.")
    'eiffeltower'
    """
    letters = "".join(each for each in text.lower() if not _is_punctuation(each))
    return " ".join(_ARTICLES.sub(" ", letters).split())


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or unicodedata.category(character).startswith("P")
