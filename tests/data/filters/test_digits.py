"""Digits are counted in any script."""

from __future__ import annotations

from typing import Any

from ingot.data.batch import of_texts
from ingot.data.filters.digits import Config, annotate

PROSE = "The tenant shall pay the rent on the first day of each month. The landlord keeps the roof in good repair.\n"


def values(*texts: str) -> list[Any]:
    (annotation,) = annotate(of_texts(texts), Config())
    return list(annotation.values)


def test_shares_are_counted_exactly() -> None:
    assert values("a1 22", "abc", "٣٤a") == [3 / 5, 0, 2 / 3]


def test_measurements_stand_out_from_prose() -> None:
    usual, odd = values(PROSE, "12 345 678 9012 34567 890 12.5 13.5")
    assert usual == 0
    assert odd > 0.5
