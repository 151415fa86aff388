from __future__ import annotations

import pytest

from tests.safety.detectors.found import words


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("a 38-year-old man", "38"),
        ("she is 45 years old", "45"),
        ("aged 71", "71"),
        ("He just turned 60", "60"),
        ("I'm 31 y/o", "31"),
        ("45 Jahre alt", "45"),
        ("âgée de 52 ans", "52"),
        ("der 38-jährige", "38"),
    ],
)
def test_ages_are_found(text: str, age: str) -> None:
    assert words("age", text) == [age]


@pytest.mark.parametrize(
    "text",
    ["older than 35 years of age", "aged 55 to 64 years", "18 years of age or older", "300 years old", "40 years ago"],
)
def test_rules_for_groups_are_left(text: str) -> None:
    assert words("age", text) == []


def test_a_lowest_age_can_be_set() -> None:
    assert words("age", "aged 12", youngest=16) == []
