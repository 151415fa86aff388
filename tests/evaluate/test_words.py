"""Answers are equal when only case, articles and punctuation differ."""

from __future__ import annotations

from ingot.evaluate.words import plain


def test_what_does_not_count_is_gone() -> None:
    assert plain("  The Answer,  is: a “cat”! ") == "answer is cat"
    assert plain("Theatre") == "theatre"
    assert plain("$5") == plain("5")
    assert plain("Größe。") == "größe"
