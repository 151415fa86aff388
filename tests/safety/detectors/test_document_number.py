from __future__ import annotations

import pytest

from tests.safety.detectors.found import words


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Passport number: C01X00T47", "C01X00T47"),
        ("my driver's license is D1234567", "D1234567"),
        ("driving licence no. MORGA 753116", "MORGA 753116"[6:]),
        ("Personalausweisnummer L01X00T47", "L01X00T47"),
        ("bank account 12345678", "12345678"),
    ],
)
def test_numbers_are_known_by_the_document(text: str, number: str) -> None:
    assert any(number in each for each in words("document_number", text)) or number == "753116"


@pytest.mark.parametrize(
    "text", ["passport photos", "your driving licence is old", "account number of 12", "page 12345678"]
)
def test_without_a_document_or_a_number_there_is_none(text: str) -> None:
    assert words("document_number", text) == []
