"""Line lengths are means over lines."""

from __future__ import annotations

from typing import Any

from ingot.data.batch import of_texts
from ingot.data.filters.line_length import Config, annotate

PROSE = "The tenant shall pay the rent on the first day of each month. The landlord keeps the roof in good repair.\n"


def values(*texts: str) -> list[Any]:
    (annotation,) = annotate(of_texts(texts), Config())
    return list(annotation.values)


def test_means_are_counted_exactly() -> None:
    assert values("abc\nd", "") == [2.5, 0]


def test_a_text_without_line_ends_stands_out_from_prose() -> None:
    usual, odd = values(PROSE * 5, "x" * 100_000)
    assert odd > 100 * usual
