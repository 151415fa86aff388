"""Postcodes that stand without a street: by the word before them, or by a shape that nothing else has.

Shapes: Royal Mail (PAF), Canada Post, PostNL; others need `ZIP`, `PLZ`, a country's prefix or a place before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.characters import as_plain
from ingot.safety.finding import Finding
from ingot.safety.lexicon import ORDINARY, known_words
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text

_CODE = (
    r"([0-9]{5}(?:-[0-9]{3,4})?|[0-9]{3} [0-9]{2}|[0-9]{2}-[0-9]{3}|[0-9]{4} ?[A-Z]{2}|[0-9]{4}-[0-9]{3}|"
    r"[0-9]{3,4}|[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9])\b"
)
_TOLD = Pattern(
    r"\b(?i:zip(?: ?code)?|postal ?code|post ?code|plz|postleitzahl|code postal|c\.?p\.?|c\.?a\.?p\.?|"
    r"código postal|codigo postal|cep|postnummer|postnr|postinumero|"
    r"psč|irányítószám|pin ?code)(?i:\.?(?:\s{1,2}(?:is|ist)\s|\s{0,2}[:=#]\s{0,2}|\s{1,2}))" + _CODE
)
_DISTINCT = Pattern(
    r"\b(?:[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}|[ABCEGHJ-NPRSTVXY][0-9][A-Z] [0-9][A-Z][0-9]|(?:(?:D|F|I|E|"
    r"PL|FI|SE|S|CZ)-[0-9]{5}|(?:A|CH|DK|NO|N|NL|B|BE|L|P)-[0-9]{4})\b(?: [A-Z]{2})?)"
)
_AFTER_PLACE = Pattern(
    r"\p{Lu}[^\s,;:()<>\"!?0-9]{2,30},? (?:[A-Z]{2} )?([0-9]{5}(?:-[0-9]{3,4})?|[0-9]{3} [0-9]{2}|"
    r"[0-9]{2}-[0-9]{3}|[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2})\b"
)

_IN_PLACE = Pattern(
    r"\b(?:in|to|from|near) ((?:\p{Lu}[^\s,;:()<>\"!?0-9]{1,30} (?:de |of |du |di |"
    r"do )?){0,3}\p{Lu}[^\s,;:()<>\"!?0-9]{1,30}) "
    r"([0-9]{4,5}(?:-[0-9]{3,4})?|[0-9]{3} [0-9]{2}|[0-9]{2}-[0-9]{3})(?: [a-z]|[.,;)\n]|$)"
)

_LONGEST_ABBREVIATION = 4


@dataclass(frozen=True)
class Config:
    """Settings of the postcode detector: whether five digits after a name with a capital count."""

    TYPES: ClassVar[tuple[str, ...]] = ("postcode", "location")
    TRIGGER: ClassVar[str] = r"[0-9]{3}|[A-Z][0-9]"

    after_places: bool = True


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the postcodes of a text that no address holds."""
    whole = Text.of(text)
    for _, (start, end) in _TOLD.groups(whole):
        yield Finding(start, end, "postcode", "postcode", 0.85)
    for start, end in _DISTINCT.spans(whole):
        yield Finding(start, end, "postcode", "postcode", 0.6)
    if config.after_places:
        for _, (start, end) in _AFTER_PLACE.groups(whole):
            if not whole[end : end + 1].isalnum():
                yield Finding(start, end, "postcode", "postcode", 0.45)
        for _, (name, name_end), (start, end) in _IN_PLACE.groups(whole):
            words = map(as_plain, whole[name:name_end].split())
            is_short = name_end - name <= _LONGEST_ABBREVIATION and whole[name:name_end].isupper()
            is_usual = is_short or any(known_words().get(word, 0) & ORDINARY for word in words)
            if not is_usual and not _is_year(whole[start:end]):
                yield Finding(name, name_end, "location", "postcode", 0.6)
                yield Finding(start, end, "postcode", "postcode", 0.55)


def _is_year(written: str) -> bool:
    return len(written) == 4 and "1500" <= written < "2100"
