from __future__ import annotations

import pytest

from tests.safety.detectors.found import words


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("signed by Norddeutsche Kabelwerke GmbH today", "Norddeutsche Kabelwerke GmbH"),
        ("between Larkspur Holdings, Inc. and", "Larkspur Holdings, Inc."),
        ("the Brenthurst Foundation said", "Brenthurst Foundation"),
        ("I work for Larkspur", "Larkspur"),
        ("Larkspur is a design agency", "Larkspur"),
        ("Anna Brandt\nLarkspur\n12 Main Street\nLeeds", "Larkspur"),
        ("Vecchi Marmi S.p.A. in Carrara", "Vecchi Marmi S.p.A."),
        ("Brown, Tanaka and Weiss\nattorneys", "Brown, Tanaka and Weiss"),
    ],
)
def test_organisations_are_found(text: str, name: str) -> None:
    assert name in words("organisation", text)


@pytest.mark.parametrize(
    "text",
    [
        "SUCH AS THE FOLLOWING",
        "The Company and the Lender agree.",
        "Anna Brandt said",
        "a limited company",
        "Denver, CO 80202",
    ],
)
def test_ordinary_words_are_left(text: str) -> None:
    assert words("organisation", text) == []


def test_context_can_be_left_out() -> None:
    assert words("organisation", "I work for Larkspur", by_context=False) == []
