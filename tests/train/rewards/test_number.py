"""The last number counts, however it is written, and an expected answer without one is a mistake of the file."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.train.rewards.number import Config, reward


def test_the_last_number_of_an_answer_is_compared() -> None:
    answers = ["42", "12 and 30 make 42.", "42 or 43", "forty-two", "", "042", "42.0", "-42", "4 2"]
    assert reward("12+30=", "It is 42", answers, Config()) == [1, 1, 0, 0, 0, 1, 1, 0, 0]


def test_thousands_and_decimals_are_read() -> None:
    assert reward("", "1,042.5", ["1042.5", "1,042.50", "1042", "2.5"], Config()) == [1, 1, 0, 0]


def test_an_answer_may_be_a_little_off_where_that_is_allowed() -> None:
    assert reward("", "0.3", ["0.31", "0.29", "0.32"], Config(tolerance=0.01)) == [1, 1, 0]


def test_what_cannot_be_compared_is_refused_by_its_prompt() -> None:
    with pytest.raises(InputError, match="no number") as caught:
        reward("How many?", "many", ["3"], Config())
    assert "How many?" in caught.value.where
    with pytest.raises(UsageError, match="tolerance"):
        Config(tolerance=float("nan"))
