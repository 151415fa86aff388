"""Repeated lines count by their characters, brackets alone do not count."""

from __future__ import annotations

from typing import Any

from ingot.data.batch import of_texts
from ingot.data.filters.repeated_lines import Config, annotate


def values(*texts: str) -> list[Any]:
    (annotation,) = annotate(of_texts(texts), Config())
    return list(annotation.values)


def test_shares_are_counted_exactly() -> None:
    assert values("same line\nother\nsame line\n}\n}\n}", "one line\nanother line") == [9 / 23, 0]


def test_a_running_head_stands_out() -> None:
    assert values("Page 1 of 7 - confidential\n" * 30)[0] > 0.9
