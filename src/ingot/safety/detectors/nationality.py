"""Nationality, ethnic group, religion and political conviction: what the GDPR (art. 9) and others protect specially."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ingot.safety import lexicon
from ingot.safety.finding import Finding
from ingot.safety.text import Text
from ingot.safety.wordlists import listed

_NEEDS_CAPITAL = frozenset(
    listed(
        "polish pole poles dane danes finn finns turk turks scots slav slavs roma sami thai malay maori",
        "conservative conservatives liberal liberals democrat democrats republican republicans socialist",
        "socialists communist communists orthodox leftist leftists atheist atheists agnostic agnostics indian",
        "indians european europeans christian christians",
    )
)
_IS_LANGUAGE = re.compile(
    r"(?:\bin|\binto|\bspeaks?|\bspoken|\blearn(?:ing)?|\bstudying|\btranslated (?:to|from)) $", re.IGNORECASE
)
_MEANS_LANGUAGE = re.compile(
    r"[ -](?:language|version|translation|text|speaking|spoken|dictionary|grammar|shepherd|toast|fries|measles)"
)


@dataclass(frozen=True)
class Config:
    """Settings of the nationality detector: whether words in small letters count."""

    TYPES: ClassVar[tuple[str, ...]] = ("nationality",)

    small_letters: bool = True


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the words of a text that name a people, a religion or a conviction, except where they name a language."""
    whole = Text.of(text)
    words = whole.words
    for index in np.flatnonzero(words.flags & lexicon.PEOPLE).tolist():
        start, end = int(words.starts[index]), int(words.ends[index])
        small = not words.is_capital[index]
        if small and (not config.small_letters or whole[start:end] in _NEEDS_CAPITAL):
            continue
        if _IS_LANGUAGE.search(whole[max(0, start - 20) : start]) or _MEANS_LANGUAGE.match(whole[end : end + 14]):
            continue
        yield Finding(start, end, "nationality", "nationality", 0.6)
