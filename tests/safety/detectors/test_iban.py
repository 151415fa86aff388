from __future__ import annotations

import pytest

from tests.safety.detectors.found import words

GERMAN = "DE89 3704 0044 0532 0130 00"


@pytest.mark.parametrize("text", [GERMAN, GERMAN.replace(" ", ""), GERMAN.replace(" ", "-"), GERMAN.lower()])
def test_accounts_are_found_in_any_writing(text: str) -> None:
    assert words("iban", f"Konto: {text}, danke") == [text]


def test_what_follows_is_left() -> None:
    assert words("iban", f"{GERMAN} BIC COBADEFF") == [GERMAN]


@pytest.mark.parametrize(
    "text",
    [
        "DE89 3704 0044 0532 0130 01",
        "DE89 3704 0044 0532 0130",
        "XX89370400440532013000",
        "A" + GERMAN.replace(" ", ""),
    ],
)
def test_wrong_ones_are_left(text: str) -> None:
    assert words("iban", text) == []


def test_small_letters_can_be_left_out() -> None:
    assert words("iban", GERMAN.lower(), small_letters=False) == []
