"""Shared words, with SQuAD's own figures for its own example."""

from __future__ import annotations

import pytest

from ingot.evaluate.scorers.f1 import Config, score


def test_words_in_common_are_counted_once_each() -> None:
    assert score("the Denver Broncos", ("Denver Broncos",), Config()) == 1
    assert score("Denver", ("Denver Broncos", "Carolina"), Config()) == pytest.approx(2 / 3)
    assert score("Denver Denver", ("Denver Broncos",), Config()) == pytest.approx(1 / 2)
    assert score("", ("Denver",), Config()) == 0
