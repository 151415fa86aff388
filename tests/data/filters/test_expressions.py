"""Expressions have a column each, run in linear time, and are refused before anything runs."""

from __future__ import annotations

import pytest

from ingot.core.config import load as load_config
from ingot.core.errors import UsageError
from ingot.data.batch import of_texts
from ingot.data.filters.expressions import Config, annotate


def test_a_column_for_each() -> None:
    batch = of_texts(["DRAFT of 3 May", "Grüße aus Köln", ""])
    found = annotate(batch, Config({"draft": r"(?i)\bdraft\b", "city": "Köln|Aachen", "nothing": "^$"}))
    # Values are an array or a list; these are an array.
    assert [(each.column, each.values.tolist()) for each in found] == [  # type: ignore[union-attr]
        ("matches_draft", [True, False, False]),
        ("matches_city", [False, True, False]),
        ("matches_nothing", [False, False, True]),
    ]


def test_none_given_none_found() -> None:
    assert list(annotate(of_texts(["text"]), Config())) == []


def test_what_backtracks_elsewhere_is_linear() -> None:
    (found,) = annotate(of_texts(["a" * 200_000 + "!"]), Config({"evil": "(a+)+$"}))
    # Values are an array or a list; these are an array.
    assert found.values.tolist() == [False]  # type: ignore[union-attr]


@pytest.mark.parametrize("patterns", [{"x": "("}, {"x": r"(?<=a)b"}, {"x": r"(a)\1"}, {"Two Words": "a"}, {"1st": "a"}])
def test_what_cannot_be_used_is_refused(patterns: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="cannot"):
        load_config(Config, {"patterns": patterns}, "filter expressions")
