from __future__ import annotations

import pytest

from tests.safety.detectors.found import words


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("at 221B Baker Street, London NW1 6XE.", "221B Baker Street, London NW1 6XE"),
        ("Kirchstraße 5, 10115 Berlin", "Kirchstraße 5, 10115 Berlin"),
        ("Berliner Straße 12a", "Berliner Straße 12a"),
        ("au 36 rue de la Paix, 75002 Paris", "36 rue de la Paix, 75002 Paris"),
        ("Via Garibaldi 12, 00184 Roma", "Via Garibaldi 12, 00184 Roma"),
        ("Calle Mayor, 12", "Calle Mayor, 12"),
        ("ul. Długa 12", "ul. Długa 12"),
        ("Mannerheimintie 5 B", "Mannerheimintie 5 B"),
        ("Storgatan 12", "Storgatan 12"),
        ("Kerkstraat 108-2", "Kerkstraat 108-2"),
        ("Váci utca 12", "Váci utca 12"),
        ("P.O. Box 149", "P.O. Box 149"),
        ("PSC 1234, Box 5678\nAPO AE 09012", "PSC 1234, Box 5678\nAPO AE 09012"),
        (
            "1600 Pennsylvania Avenue NW\nSuite 3\nWashington, DC 20500",
            "1600 Pennsylvania Avenue NW\nSuite 3\nWashington, DC 20500",
        ),
        ("she lives at Lindenhof 7", "Lindenhof 7"),
    ],
)
def test_addresses_are_found_whole(text: str, address: str) -> None:
    assert words("street_address", text) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "During 2017, the firm grew.",
        "Section 4 and Article 12 apply.",
        "the court of appeal in 3 cases",
        "RFC 959 and PEP 8",
        "der Weg ist 5 km lang",
        "BGBl. II 1990, 885",
        "3 of the main roads",
        "Windows 11 runs on it",
    ],
)
def test_other_names_with_numbers_are_left(text: str) -> None:
    assert words("street_address", text) == []


def test_context_can_be_left_out() -> None:
    assert words("street_address", "she lives at Lindenhof 7", by_context=False) == []
