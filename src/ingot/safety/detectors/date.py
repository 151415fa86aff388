"""Dates, and among them dates of birth: the ones that stand by `born`, `DOB` or `birthday`.

Numeric dates in the orders of ISO 8601 and of everyday use, months in words of ten languages, weekdays, and years
that stand where a year stands (`in 1997`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text, any_word

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|"
    "sept?|oct|nov|dec|januar|februar|märz|mai|juni|juli|oktober|dezember|jänner|janvier|février|fevrier|mars|avril|"
    "juin|juillet|août|aout|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|"
    "septiembre|octubre|noviembre|diciembre|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|"
    "dezembro|"
    "gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|novembre|dicembre|januari|februari|maart|mei|"
    "augustus|maj|augusti|marts|stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października|"
    "listopada|grudnia"
)
_NUMERIC = Pattern(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?|[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}|"
    r"[0-9]{1,2}[/.-] ?[0-9]{1,2}[/.-] ?(?:[0-9]{4}|[0-9]{2})"
)
_WORDED = Pattern(
    rf"[0-9]{{1,2}}(?:st|nd|rd|th|\.|er|º|°)? ?(?:of |de )?(?:{_MONTHS})\b\.?,?(?: (?:de )?(?:1[5-9]|20)[0-9]{{2}})?|"
    rf"\b(?:{_MONTHS})\b\.? [0-9]{{1,2}}(?:st|nd|rd|th)?\b(?:, ?(?:1[5-9]|20)[0-9]{{2}})?|"
    rf"\b(?:{_MONTHS})\b\.?,? (?:1[5-9]|20)[0-9]{{2}}",
    ignore_case=True,
)
_WEEKDAY = Pattern(r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b")
_YEAR = Pattern(
    r"(?i:\b(?:in|since|during|by|until|till|before|after|from|circa|early|late|mid|around|of|year|founded|\ba|"
    r"seit|en|im jahr|"
    r"jahr|dal|nel|año))\s{1,3}((?:1[5-9]|20)[0-9]{2})(?:[^0-9A-Za-z%°-]|$)"
)
_BIRTH = any_word(
    (
        *(
            "born",
            "birth",
            "birthday",
            "birthdate",
            "dob",
            "d.o.b",
            "d.o.b.",
            "b.",
            "date of birth",
            "geboren",
            "geb",
            "geb.",
        ),
        *("geburtsdatum", "geburtstag", "né", "née", "né le", "née le", "date de naissance", "naissance", "nacido"),
        *("nacida", "fecha de nacimiento", "nacimiento", "nato", "nata", "nato il", "data di nascita", "nascita"),
        *(
            "nascido",
            "nascida",
            "data de nascimento",
            "nascimento",
            "geboortedatum",
            "geboren op",
            "född",
            "født",
            "fødselsdato",
        ),
        *(
            "födelsedatum",
            "syntynyt",
            "syntymäaika",
            "urodzony",
            "urodzona",
            "data urodzenia",
            "narozen",
            "narozena",
            "született",
        ),
        *("doğum tarihi", "дата рождения", "出生", "生年月日"),
    )
)
_DOUBTFUL_MONTH = re.compile(r"\b(?:may|mar|march|mai|mars|marca|sept?|dec|jan|mei|juli)\b")
_REACH = 40


@dataclass(frozen=True)
class Config:
    """Settings of the date detector: whether weekdays and single years count as dates."""

    TYPES: ClassVar[tuple[str, ...]] = ("date_of_birth", "date")
    TRIGGER: ClassVar[str] = r"[0-9]|day"

    vague: bool = True


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the dates of a text, those of birth by their own type."""
    whole = Text.of(text)
    for pattern in (_NUMERIC, _WORDED):
        for start, end in pattern.spans(whole):
            is_date = _is_worded(whole[start:end]) if pattern is _WORDED else _is_date(whole[start:end])
            if is_date and _stands_alone(whole, start, end):
                yield _dated(whole, start, end, 0.75)
    if config.vague:
        for _, (start, end) in _YEAR.groups(whole):
            yield _dated(whole, start, end, 0.6)
        for start, end in _WEEKDAY.spans(whole):
            yield Finding(start, end, "date", "date", 0.6)


def _dated(text: Text, start: int, end: int, confidence: float) -> Finding:
    line = text[max(0, start - _REACH) : start].rpartition("\n\n")[2]
    if _BIRTH.search(line):
        return Finding(start, end, "date_of_birth", "date", max(confidence, 0.9))
    return Finding(start, end, "date", "date", confidence)


def _is_worded(written: str) -> bool:
    """Say whether a day exists, and whether `may` and its like mean the month: they do with a capital or a year."""
    numbers = [int(number) for number in re.findall(r"\d+", written)]
    is_month = not _DOUBTFUL_MONTH.search(written) or any(number > 31 for number in numbers)
    return is_month and all(1 <= number <= 31 or number >= 1500 for number in numbers)


def _is_date(written: str) -> bool:
    """Say whether three numbers can be year, month and day in some order."""
    numbers = [int(part) for part in re.split(r"\D+", written)[:3]]
    if max(numbers) > 31:
        year = max(numbers)
        numbers.remove(year)
        return min(numbers) >= 1 and max(numbers) <= 31 and min(numbers) <= 12 and (1500 <= year < 2200 or year < 100)
    is_ordered = numbers[1] <= 12 if "." in written else min(numbers[:2]) <= 12
    return is_ordered and min(numbers[:2]) >= 1 and max(numbers) <= 31


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    is_inside = before.isalnum() or after.isalnum() or before in ("$", "€", "£", "§", "_", "/")
    return not is_inside and not (before in (".", "-", "/", ",") and text[max(0, start - 2) : start - 1].isdigit())
