"""Numbers are numbers however they are written; the one that counts is the one an answer ends with."""

from __future__ import annotations

import pytest

from ingot.evaluate.scorers.number import Config, score


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("#### 1,000", 1.0),
        ("She has 3 left, that is $1000.00.", 1.0),
        ("1000", 1.0),
        ("5-1000", 1.0),
        ("#### 1000 because 7", 1.0),
        ("-1000", 0.0),
        ("1000 or 999", 0.0),
        ("none", 0.0),
        ("#### none, of 1000", 1.0),
        ("", 0.0),
    ],
)
def test_the_last_number_counts(said: str, value: float) -> None:
    assert score(said, ("it makes 12 <<12>>\n#### 1000",), Config()) == value
