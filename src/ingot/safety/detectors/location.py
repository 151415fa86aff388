"""Places: countries, regions and large cities of a small list, and names that the sentence puts in a place's position.

A place is rarely personal by itself; it is found so that a policy can treat it, and so that it is not taken for a
person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety import lexicon
from ingot.safety.characters import as_plain
from ingot.safety.finding import Finding
from ingot.safety.names import Name
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text

_PLACE = (
    r"[\p{Lu}][^\s,;:()<>\"!?.]{1,30}(?:[ -](?:(?:de|del|la|of|do|am|an der|sur) |O')?[\p{Lu}][^\s,;:()<>\"!?.]{0,30})*"
)
_LIVED = Pattern(
    r"\b(?i:(?:live|lives|lived|living|reside|resides|resided|grew up|raised|born|located|settled|stay|stays|"
    r"stayed|staying|arrived|headquartered|vacation|holiday|"
    r"based|year|trip|conference|weather) (?:in|at|to)|(?:mov(?:e|ed|ing)|travel(?:l?ed|l?ing)?|flew|fly|"
    r"flying|went|go|going|drove|drive|came|returned|return|emigrated|relocated|trip) (?:\w+ )?(?:to|from)|"
    r"(?:originally|i'm|i am|moved|him|her) from|(?:i'm|i am|we are|we're|he is|she is) in|(?:city|town|"
    r"village|state|republic|kingdom|province|county|university|mayor|capital|native|bridge|citizens?|"
    r"residents?) of|"
    r"(?:street|club|hotel|restaurant|bridge|bank|station) in|visit(?:ed|ing)?|"
    rf"wohnt in|wohnhaft in|habite à|vive en|abita a|where:)\s{{1,3}}({_PLACE})"
)
_LONGEST_ABBREVIATION = 4


@dataclass(frozen=True)
class Config:
    """Settings of the location detector: whether unknown names count where the sentence speaks of a place."""

    TYPES: ClassVar[tuple[str, ...]] = ("location",)

    by_context: bool = True


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the places of a text."""
    whole = Text.of(text)
    for name in whole.names:
        yield from _known(name)
        if config.by_context and _heads_place(name):
            yield Finding(name.start, name.end, "location", "location", 0.65)
    if config.by_context and not whole.words.usual_capitals:
        for _, (start, end) in _LIVED.groups(whole):
            written = whole[start:end]
            if not _is_usual(written) and not (written.isupper() and len(written) <= _LONGEST_ABBREVIATION):
                yield Finding(start, end, "location", "location", 0.6)


def _is_usual(written: str) -> bool:
    return all(lexicon.known_words().get(as_plain(word), 0) & lexicon.ORDINARY for word in written.split())


def _heads_place(name: Name) -> bool:
    """Say whether a row fills its line and the next line is a country or city, as in an address."""
    if not name.fills_line:
        return False
    below = "".join(name.lines_below(1)).strip(" .,-0123456789")
    return bool(below) and lexicon.is_place(below)


def _known(name: Name) -> Iterator[Finding]:
    """Yield the listed places among the words of a row, the longest first."""
    words, first = name.words, 0
    while first < len(words):
        last = _several(name, first) if words[first].has(lexicon.PLACE_START) else first
        if last > first:
            yield Finding(words[first].start, words[last].end, "location", "location", 0.75)
        elif words[first].has(lexicon.PLACE):
            yield Finding(words[first].start, words[first].end, "location", "location", _single(name, first))
        first = last + 1


def _several(name: Name, first: int) -> int:
    """Return the last word of the longest listed place that begins with a word, or that word."""
    for last in range(min(first + 3, len(name.words) - 1), first, -1):
        if as_plain(name.text[name.words[first].start : name.words[last].end]) in lexicon.places_of_several_words():
            return last
    return first


def _single(name: Name, place: int) -> float:
    word = name.words[place]
    is_name = word.has(lexicon.FIRST_NAME | lexicon.SURNAME) or not word.is_clear
    if len(name.words) == 1:
        return 0.4 if is_name else 0.7
    return 0.3 if is_name else 0.55
