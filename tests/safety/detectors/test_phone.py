from __future__ import annotations

import pytest

from tests.safety.detectors.found import words


@pytest.mark.parametrize(
    "number",
    [
        "+49 30 1234567",
        "+1-212-555-0142",
        "+44 (0)20 7946 0958",
        "+4915123456789",
        "(212) 555-0142",
        "212-555-0142",
        "212.555.0142",
        "020 7946 0958",
        "030/1234567",
        "01 42 68 53 00",
        "044 668 18 00",
        "0049 30 123456",
    ],
)
def test_numbers_are_known_by_their_form(number: str) -> None:
    assert words("phone", f"It is {number}, I think.") == [number]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Phone: 555 0142", "555 0142"),
        ("call me on 78 65 14 50 tonight", "78 65 14 50"),
        ("Telefonnummer 1234567", "1234567"),
        ("5550142 (mobile)", "5550142"),
        ("Fax 212-555-0142x12", "212-555-0142x12"),
    ],
)
def test_others_by_what_the_text_speaks_of(text: str, number: str) -> None:
    assert words("phone", text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "2004-05-06 12:00",
        "12.05.2014 bis 13.05.2014",
        "from 1990-2000 to 2001-05",
        "$1,234,567.00",
        "pi is 3.14159265",
        "ISBN 978-3-16-148410-0",
        "invoice number 20240115",
        "09/2008",
        "the years 1999 2000 2001",
        "section 12.3.4-5",
        "+35236450.6",
        "1111111",
    ],
)
def test_other_numbers_are_left(text: str) -> None:
    assert words("phone", text) == []


def test_two_numbers_are_two() -> None:
    text = "Tel. 030 1234567  Fax 030 7654321"
    assert words("phone", text) == ["030 1234567", "030 7654321"]
