from __future__ import annotations

import pytest

from tests.safety.detectors.found import words


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a trip to New Zealand", "New Zealand"),
        ("Helsinki is cold", "Helsinki"),
        ("she grew up in Tranekær", "Tranekær"),
        ("We moved here from Obernkirchen last year", "Obernkirchen"),
        ("Anna Brandt\nTranekær\nDenmark", "Tranekær"),
    ],
)
def test_places_are_found(text: str, place: str) -> None:
    assert place in words("location", text)


@pytest.mark.parametrize("text", ["according to PEP 8", "in Section 4", "born in March", "the Agreement"])
def test_other_words_are_left(text: str) -> None:
    assert words("location", text) == []


def test_context_can_be_left_out() -> None:
    assert words("location", "she grew up in Tranekær", by_context=False) == []
