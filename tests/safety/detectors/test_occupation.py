from __future__ import annotations

import pytest

from tests.safety.detectors.found import found


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("Mrs. Brandt called", "title", "Mrs."),
        ("Sehr geehrter Herr Brandt", "title", "Herr"),
        ("she works as a labour relations director.", "occupation", "labour relations director"),
        ("Anna Brandt\nSenior mining engineer\nAcme", "occupation", "Senior mining engineer"),
        ("Job title: X-ray technician", "occupation", "X-ray technician"),
    ],
)
def test_titles_and_occupations_are_found(text: str, kind: str, words: str) -> None:
    assert found("occupation", text) == [(kind, words)]


@pytest.mark.parametrize(
    "text",
    ["Talk with your doctor about it.", "MS Office", "the car manufacturers that", "comparison operators are used"],
)
def test_what_is_nobodys_is_left(text: str) -> None:
    assert found("occupation", text) == []


def test_own_lines_can_be_left_out() -> None:
    assert found("occupation", "Anna Brandt\nMining engineer\nAcme", own_lines=False) == []
