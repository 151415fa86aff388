"""Symbols are what is neither letter, digit nor white space."""

from __future__ import annotations

from typing import Any

from ingot.data.batch import of_texts
from ingot.data.filters.symbols import Config, annotate

PROSE = "The tenant shall pay the rent on the first day of each month. The landlord keeps the roof in good repair.\n"


def values(*texts: str) -> list[Any]:
    (annotation,) = annotate(of_texts(texts), Config())
    return list(annotation.values)


def test_shares_are_counted_exactly() -> None:
    assert values("ab, c!", "abc", "größer 字 7") == [2 / 6, 0, 0]


def test_signs_stand_out_from_prose() -> None:
    usual, odd = values(PROSE, "#### $$$$ ==== //// ~~~~ word")
    assert odd > 5 * usual
