"""Postal addresses: a street with its number, a flat or post box, and the place and postcode that follow.

A core (street and number) is looked for where a word names a kind of street (`Road`, `Via`), ends like a street
(`Kerkstraat`) or has a number behind it; it is then extended over what an address goes on with: flats, postcodes,
places, also over line ends. A bare `Name 12` is an address only where the text speaks of one, or more of it follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ingot.safety import lexicon, streets
from ingot.safety.characters import as_plain
from ingot.safety.finding import Finding
from ingot.safety.lexicon import known_words
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text

_WORD = r"[^\W_a-zß-ÿ][^\s,;:()<>\"!?]{0,30}"
_NUMBER = r"\d{1,5}(?:[ -]?[A-Za-z]\b|[-/]\d{1,5}|/[A-Za-z])?(?!\d)"
_HOUSE_BEFORE = r"(?<![\w.])(?:\d{1,6}[A-Za-z]?,? (?:bis |ter )?)?(?:\d{1,5} )?"
# What stands before and behind a word, by what the word is.
_ENGLISH_BEFORE = re.compile(rf"(?<![\w.])\d{{1,6}}[A-Za-z]?,? (?:\d{{1,5}} )?(?:{_WORD} ){{1,4}}$")
_DIRECTION = re.compile(r"\.?(?: (?:[NS][EW]?|[EW]|North|South|East|West)\b\.?)?")
_NAME_BEFORE = re.compile(rf"{_HOUSE_BEFORE}(?:{_WORD}[ -]){{0,3}}$")
_SOME_NAME_BEFORE = re.compile(rf"{_HOUSE_BEFORE}(?:{_WORD}[ -]){{1,3}}$")
_NUMBER_BEHIND = re.compile(rf",? {_NUMBER}")
_NAME_BEHIND = re.compile(
    rf"\.? (?:{streets.SMALL} |d'|l'|dell'|de l')?(?:{_WORD})(?:[ -](?:{streets.SMALL} )?{_WORD}){{0,4}}?"
    rf"(?P<number>,? (?:n[.º°o]{{1,2}} ?)?{_NUMBER})?(?![^\s,.;:)?!\"])"
)
_HOUSE = re.compile(rf"{_HOUSE_BEFORE}$")
_BEFORE, _AFTER, _ENGLISH = (
    frozenset(as_plain(word.rstrip(".")) for word in words)
    for words in (streets.BEFORE, streets.AFTER, streets.ENGLISH)
)
_UNITS = Pattern(rf"\b(?:(?i:{streets.MILITARY}|{streets.UNIT})|{streets.MILITARY_PLACE})\b")
_SURE_UNITS = ("psc", "cmr", "apt", "p.o", "po ", "apo", "fpo", "dpo", "usn")
_CORNER = Pattern(
    r"(?i:\bcorner of )([^,;:!?\n]{2,40}? (?:and|&) [\p{Lu}][^\s,;:!?]{2,30}(?: [\p{Lu}0-9][^\s,;:!?]{0,30}){0,3})"
)
_SPEAKS_OF_ADDRESSES = re.compile(
    r"\b(?:address(?:es)?|lives? (?:at|on|in)|living (?:at|on)|located (?:at|on|in)|offices?(?: is|"
    r" are)? (?:\w+ )?(?:at|on|in)|(?:send|sent|deliver|delivered|ship|return|taxi|moved|"
    r"mail(?:ed)?)\b.{0,24} to|"
    r"meet (?:me |you |us )?(?:at|on)|arrived at|is (?:at|on)|residing at|resident of|residence|domiciled|home|"
    r"street|billing|shipping|"
    r"wohnhaft(?: in)?|anschrift|adresse|adres|dirección|direccion|domicilio|indirizzo|endereço|morada|adress|"
    r"osoite|cím|wohnt in|habite|demeurant)\b[^.!?]{0,24}$"
)
_GAP = r"[ \t]{0,4}(?:,[ \t]{0,4})?(?:\r?\n[ \t>*?•]{0,6}){0,2}(?:,[ \t]{0,3})?"
_NEXT_UNIT = re.compile(rf"{_GAP}((?i:{streets.MILITARY}|{streets.UNIT})\b)")
_NEXT_POSTCODE = re.compile(
    rf"{_GAP}({streets.MILITARY_PLACE}|(?:[A-Z]{{1,3}}[- ])?(?:\d{{5}}(?:-\d{{3,4}})?|\d{{2,3}}[ -]\d{{2,3}}|"
    rf"\d{{4}} ?[A-Z]{{2}}|\d{{3,4}}|"
    r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[A-Z]\d[A-Z] \d[A-Z]\d)\b(?![ ./-]?\d| (?:[a-z]|%)))"
)
_NEXT_PLACE = re.compile(rf"{_GAP}((?:{streets.SMALL} )?[^\W\d_][^\s,;:()<>\"!?\d]{{0,30}})(?=[\s,.;:)?!]|$)")
_NEXT_WORD = re.compile(r" [^\W\d_][^\s,;:()<>\"!?\d.]{0,30}(?=[\s,.;:)?!]|$)")
_STATE = re.compile(r"[A-Z]{2}(?=\s{1,3}(?:[A-Z]{1,2})?\d|\s*$|\n)")
_ENDS = re.compile(r"\s*(?:$|\n|[.;)]\s)")
_MEASURED = re.compile(r" ?(?:m|km|cm|mm|kg|g|%|°|€|mg|ml|years?|days?|months?|Jahre|Tage|times|x)\b")
_LEAST = 0.4
_MOST_PARTS = 12
_MOST_WORDS = 4
_REACH = 80


@dataclass(frozen=True)
class Config:
    """Settings of the address detector: whether a name with a number is taken where the text speaks of an address."""

    TYPES: ClassVar[tuple[str, ...]] = ("address",)

    by_context: bool = True


@dataclass(frozen=True)
class _Core:
    start: int
    end: int
    confidence: float


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the postal addresses of a text, each with all of its lines."""
    whole = Text.of(text)
    last = 0
    for core in sorted(_cores(whole, config), key=lambda each: (each.start, -each.end)):
        if core.start >= last:
            end, goes_on = _extended(whole, core.end)
            confidence = max(core.confidence, 0.6 if goes_on else 0.0)
            if confidence >= _LEAST:
                last = end if confidence >= 0.5 else last
                yield Finding(core.start, end, "address", "street_address", confidence)


def _cores(text: Text, config: Config) -> Iterator[_Core]:
    words = text.words
    is_street = (words.flags & (lexicon.STREET | lexicon.STREET_NAME)) != 0
    is_bare = words.is_numbered & words.is_capital & ((words.flags & (lexicon.ORDINARY | lexicon.TITLE)) == 0)
    for index in np.flatnonzero(is_street | is_bare).tolist():
        start, end = int(words.starts[index]), int(words.ends[index])
        yield from _around_word(text, start, end, int(words.flags[index]), bool(words.is_capital[index]), config)
    for start, end in _UNITS.spans(text):
        is_sure = text[start : start + 3].lower() in _SURE_UNITS or "box" in text[start:end].lower()
        yield _Core(start, end, 0.7 if is_sure else 0.45)
    if config.by_context:
        for _, (start, end) in _CORNER.groups(text):
            yield _Core(start, end, 0.7)


def _around_word(text: Text, start: int, end: int, flags: int, is_capital: bool, config: Config) -> Iterator[_Core]:
    """Yield the core that a word is part of: `12 Main Street`, `Via Garibaldi 12`, `Kirchstraße 5`, `Lindenhof 7`."""
    plain = as_plain(text[start:end]) if flags & lexicon.STREET else ""
    left = text[max(0, start - _REACH) : start]
    if plain in _ENGLISH and is_capital and (match := _ENGLISH_BEFORE.search(left)) and not _is_sentence(match[0]):
        # This pattern also matches nothing, so there is always a match.
        yield _Core(start - len(match[0]), _DIRECTION.match(text, end).end(), 0.8)  # type: ignore[union-attr]
    if plain in _BEFORE and (match := _NAME_BEHIND.match(text, end)) and (house := _HOUSE.search(left)):
        is_numbered = match["number"] is not None or any(mark.isdigit() for mark in house[0])
        is_spoken = _SPEAKS_OF_ADDRESSES.search(text.before(start, 64)) is not None
        is_sentence = bool(flags & lexicon.ORDINARY) and _is_sentence(match[0])
        confidence = 0.8 if is_numbered and not is_sentence else 0.6 if is_spoken and is_capital else 0.0
        if confidence:
            yield _Core(start - len(house[0]), match.end(), confidence)
    if flags & lexicon.STREET_NAME or plain in _AFTER:
        before = (_SOME_NAME_BEFORE if plain else _NAME_BEFORE).search(left)
        behind = _NUMBER_BEHIND.match(text, end)
        if behind and before and (is_capital or plain) and not _is_sentence(before[0]):
            yield _Core(start - len(before[0]), behind.end(), 0.8)
    elif is_capital and config.by_context and not plain and (behind := _NUMBER_BEHIND.match(text, end)):
        yield from _bare(text, start, behind.end(), left)


def _bare(text: Text, start: int, end: int, left: str) -> Iterator[_Core]:
    """Yield a name with a number behind it, and perhaps one before it, that no word calls a street."""
    before = _NAME_BEFORE.search(left)
    name = before[0] if before and not _is_sentence(before[0]) else ""
    is_short = text[start : start + 5].split(" ")[0].isupper()  # RFC 959, IV 12
    if not is_short and not _MEASURED.match(text, end) and not text[end : end + 2].strip(" .-")[:1].isdigit():
        is_spoken = _SPEAKS_OF_ADDRESSES.search(text.before(start - len(name), 64)) is not None
        yield _Core(start - len(name), end, 0.65 if is_spoken else 0.45 if name[:2].isdigit() else 0.3)


def _is_sentence(written: str) -> bool:
    """Say whether ordinary words stand there, as in `During 2008` and `Section 4`; `de la` are not counted."""
    words = re.findall(r"[^\W\d_]+", written)
    usual = (word for word in words if known_words().get(as_plain(word), 0) & (lexicon.ORDINARY | lexicon.TITLE))
    return any(word.lower() not in _SMALL and not known_words()[as_plain(word)] & lexicon.STREET for word in usual)


_SMALL = frozenset(streets.SMALL.strip("(?:)").split("|"))


def _extended(text: str, end: int) -> tuple[int, bool]:
    """Return where the address that has a core before `end` ends, and whether more than names followed.

    Names of places are taken on trial: they stay when a flat, a postcode or a known place comes after them.
    """
    place, kept, goes_on = end, end, False
    for _ in range(_MOST_PARTS):
        window = text[place : place + 160]
        if match := _NEXT_UNIT.match(window) or _NEXT_POSTCODE.match(window):
            place = kept = place + match.end(1)
            goes_on = True
        elif (match := _NEXT_PLACE.match(window)) and _may_be_place(match[1]):
            known = _known_place(window, match.start(1), match.end(1))
            ends_here = "," in match[0] and _ENDS.match(window, match.end(1)) is not None
            place += known or match.end(1)
            if known or (ends_here and not goes_on):
                kept, goes_on = place, True
        else:
            break
    return kept, goes_on


def _may_be_place(words: str) -> bool:
    return words.rpartition(" ")[2][:1].isupper()


def _known_place(window: str, start: int, end: int) -> int:
    """Return where the longest known place ends that begins here, 0 where none does."""
    known = end if _STATE.match(window, start) else 0
    for _ in range(_MOST_WORDS):
        if lexicon.is_place(window[start:end].rstrip(" .")):
            known = end
        if not (match := _NEXT_WORD.match(window, end)):
            break
        end = match.end()
    return known
