from __future__ import annotations

import pytest

from tests.safety.detectors.found import words


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a Danish engineer", "Danish"),
        ("two Kenyans", "Kenyans"),
        ("she is jewish", "jewish"),
        ("proud Sikhs", "Sikhs"),
    ],
)
def test_peoples_and_religions_are_found(text: str, word: str) -> None:
    assert words("nationality", text) == [word]


@pytest.mark.parametrize(
    "text", ["written in English", "the Danish language", "polish the floor", "a liberal amount", "from Poland"]
)
def test_languages_and_ordinary_words_are_left(text: str) -> None:
    assert words("nationality", text) == []


def test_small_letters_can_be_left_out() -> None:
    assert words("nationality", "she is jewish", small_letters=False) == []
