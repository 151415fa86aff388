"""National identification numbers of more than forty kinds, by their check digits and the words that announce them.

A check digit alone lets one number in ten or eleven pass by chance, so kinds without more structure (a birth date,
letters, several checks) count only where their name stands near.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from ingot.safety.finding import Finding
from ingot.safety.national_ids.all import RULES
from ingot.safety.national_ids.rule import Rule
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text, any_word

_GROUPED = Pattern(r"[0-9](?:[ ./\x{a0}+-]?[0-9]){7,40}")
_REACH_BEFORE, _REACH_AFTER = 64, 24
_SURE = 0.96
_MOST_GROUPS = 8
_SHORTEST = 8


@dataclass(frozen=True)
class Config:
    """Settings of the national number detector: the countries (ISO 3166) to look for; empty means all."""

    TYPES: ClassVar[tuple[str, ...]] = ("national_id",)
    TRIGGER: ClassVar[str] = r"[0-9](?:[ ./\x{a0}+-]?[0-9]){5}|[A-Z]{5}[0-9]{4}|[A-Z]{6} ?[0-9LMNP-V]{2}"

    countries: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Kind:
    rule: Rule
    words: re.Pattern[str]


@dataclass(frozen=True)
class _Kinds:
    """Numbers of digits alone, with one pattern that most rows of digits fail; numbers with letters, and theirs."""

    digits: tuple[_Kind, ...]
    mixed: tuple[_Kind, ...]
    shapes: re.Pattern[str]
    pattern: Pattern


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the national numbers of a text; the type's member says which kind: `national_id.us_ssn`, ..."""
    whole = Text.of(text)
    kinds = _kinds(config.countries)
    for start, end in _GROUPED.spans(whole):
        for first, last in _parts(whole, start, end):
            if kinds.shapes.fullmatch(whole, first, last) and (finding := _best(whole, first, last, kinds.digits)):
                yield finding
    for start, end in kinds.pattern.spans(whole) if kinds.mixed else ():
        if finding := _best(whole, start, end, kinds.mixed):
            yield finding


@cache
def _kinds(countries: tuple[str, ...]) -> _Kinds:
    kinds = tuple(_Kind(rule, any_word(rule.words)) for rule in RULES if not countries or rule.country in countries)
    digits = tuple(kind for kind in kinds if not kind.rule.has_letters)
    mixed = tuple(kind for kind in kinds if kind.rule.has_letters)
    shapes = re.compile("|".join(f"(?:{kind.rule.shape})" for kind in digits) or r"(?!)")
    return _Kinds(digits, mixed, shapes, Pattern("|".join(rf"\b(?:{kind.rule.shape})\b" for kind in mixed)))


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a row of digits, and where it has spaces its parts too: two numbers may stand side by side."""
    yield start, end
    edges = [match.span() for match in re.finditer(r"[^ \u00a0]+", text[start:end])]
    if 1 < len(edges) <= _MOST_GROUPS:
        for first in range(len(edges)):
            for last in range(first, len(edges)):
                if last - first < len(edges) - 1 and edges[last][1] - edges[first][0] >= _SHORTEST:
                    yield start + edges[first][0], start + edges[last][1]


def _best(text: Text, start: int, end: int, kinds: Sequence[_Kind]) -> Finding | None:
    """Return the surest kind that accepts what stands there."""
    if not _stands_alone(text, start, end):
        return None
    written = text[start:end]
    accepting = [kind for kind in kinds if kind.rule.accepts(written)]
    if not accepting:
        return None
    near = text[max(0, start - _REACH_BEFORE) : start] + " \n" + text[end : end + _REACH_AFTER]
    ranked = [(_SURE if kind.words.search(near) else kind.rule.alone, kind.rule.name) for kind in accepting]
    confidence, name = max(ranked)
    return Finding(start, end, f"national_id.{name}", "national_id", confidence) if confidence else None


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after, further = text[max(0, start - 1) : start], text[end : end + 1], text[end + 1 : end + 2]
    if before.isalnum() or after.isalnum() or before in ("_", "+", "$", "€", "£") or after in ("_", "%"):
        return False
    is_decimal = before in (".", ",", "-", "/") and text[max(0, start - 2) : start - 1].isdigit()
    return not is_decimal and not (after in (".", ",", "-", "/") and further.isdigit())
