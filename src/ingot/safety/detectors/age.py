"""The age of a person: `38-year-old`, `aged 45`, `turned 60`, `45 Jahre alt`. Only the number is found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text

_BEFORE = Pattern(
    r"\b(?:aged?|age is|age of|age:|turn(?:s|ed|ing)?|at age|alter:?|im alter von|âgée? de|edad:?|âge:?|età:?|"
    r"leeftijd:?)"
    r"\s{1,3}([0-9]{1,3})\b|"
    r"\b(?:he|she)(?: i|'|’)s\s([0-9]{1,2})\b|\bi(?: a|'|’)m\s([0-9]{1,2})\b|\bwhen (?:he|she|i|they) (?:was|"
    r"were)\s([0-9]{1,2})\b",
    ignore_case=True,
)
_AFTER = Pattern(
    r"\b([0-9]{1,3})[ -]{0,2}(?:year|yr|month)s?[ -]{1,2}old\b|\b([0-9]{1,3})[ -]?(?:y/o|y\.o\.|yo)\b|"
    r"\b([0-9]{1,3})[ -]jährige[rnms]?\b|\b([0-9]{1,3}) jahre alt\b|âgée? de ([0-9]{1,3}) ans\b|"
    r"\b([0-9]{1,3}) (?:años de edad|anos de idade|anni di età|jaar oud)\b|\b([0-9]{1,3}) years of age\b|"
    r"\b([0-9]{1,3}) (?:year|yr)s?,? (?:female|male|woman|man|boy|girl)\b",
    ignore_case=True,
)
_WAS_BORN_OR = Pattern(r"\bwas ([0-9]{2})(?:\.|,| when| at the time)", ignore_case=True)
# Rules for groups of people: older than 35, aged 55 to 64, 18 years of age or older.
_GROUP_BEFORE = re.compile(r"(?:than|under|over|above|below|to|and|least|minimum|most|least age|until|-|–)\s$")
_GROUP_AFTER = re.compile(r"(?:[ -]?years?)?(?: of age| old)?,? (?:to|and|or|and younger|and older|through)\b|[-–]\d")
_OLDEST = 120
_NOT_AN_AGE = ("%", "°", "$", "€", "/", ":")


@dataclass(frozen=True)
class Config:
    """Settings of the age detector: the lowest age that is told."""

    TYPES: ClassVar[tuple[str, ...]] = ("age",)
    TRIGGER: ClassVar[str] = r"[0-9]"

    youngest: int = 0


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the ages of a text."""
    whole = Text.of(text)
    for pattern, confidence in ((_BEFORE, 0.75), (_AFTER, 0.85), (_WAS_BORN_OR, 0.55)):
        for _, *groups in pattern.groups(whole):
            start, end = next(span for span in groups if span[0] >= 0)
            is_age = config.youngest <= int(whole[start:end]) <= _OLDEST and whole[end : end + 1] not in _NOT_AN_AGE
            if (
                is_age
                and not _GROUP_BEFORE.search(whole.before(start, 16))
                and not _GROUP_AFTER.match(whole.after(end, 24))
            ):
                yield Finding(start, end, "age", "age", confidence)
