"""Breaks are found, and ordinary letters of other languages are none."""

from __future__ import annotations

from typing import Any

from ingot.data.batch import of_texts
from ingot.data.filters.broken_encoding import Config, annotate


def values(*texts: str) -> list[Any]:
    (annotation,) = annotate(of_texts(texts), Config())
    return list(annotation.values)


def test_breaks_are_counted() -> None:
    assert values("Die schÃ¶ne GrÃ¶ÃŸe") == [3 / 19]
    assert values("a\ufffdb\ufffd") == [0.5]
    assert values("itâ€™s") == [1 / 6]


def test_ordinary_text_in_other_scripts_is_not_broken() -> None:
    assert values("Größe, naïveté, Ångström, São Paulo, Ásia", "Москва", "日本語") == [0, 0, 0]
