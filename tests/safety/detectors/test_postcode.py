from __future__ import annotations

import pytest

from tests.safety.detectors.found import found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ZIP: 90210", "90210"),
        ("my postcode is SW1A 1AA", "SW1A 1AA"),
        ("PLZ 10115", "10115"),
        ("send it to K1A 0B1 soon", "K1A 0B1"),
        ("she lives in Tønder 6270 now", "6270"),
        ("D-80331 München", "D-80331"),
    ],
)
def test_codes_are_found(text: str, code: str) -> None:
    assert ("postcode", code) in found("postcode", text)


@pytest.mark.parametrize(
    "text", ["PEP 3119", "drawing E-500", "in Chapter 4711", "in May 2004", "cp875", "order 90210"]
)
def test_other_numbers_are_left(text: str) -> None:
    assert found("postcode", text) == []
