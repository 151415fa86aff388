"""Word lengths are means over words, whatever stands between them."""

from __future__ import annotations

from typing import Any

from ingot.data.batch import of_texts
from ingot.data.filters.word_length import Config, annotate

PROSE = "The tenant shall pay the rent on the first day of each month. The landlord keeps the roof in good repair.\n"


def values(*texts: str) -> list[Any]:
    (annotation,) = annotate(of_texts(texts), Config())
    return list(annotation.values)


def test_means_are_counted_exactly() -> None:
    assert values("one three", "one,three!", "日本", "...") == [4, 4, 1, 0]


def test_letters_torn_apart_stand_out_from_prose() -> None:
    usual, odd = values(PROSE, "t h e t e n a n t s h a l l p a y")
    assert odd < usual / 3
