from __future__ import annotations

import re

import pytest

from ingot.safety import streets


@pytest.mark.parametrize("unit", ["Apt. 4", "suite 300", "P.O. Box 12", "PO Box 12", "Wohnung 7", "étage 3", "Flat 2B"])
def test_units(unit: str) -> None:
    assert re.fullmatch(streets.UNIT, unit, re.IGNORECASE)


@pytest.mark.parametrize("post", ["PSC 1234, Box 5678", "unit 12 box 34", "USS Larkspur"])
def test_american_post_abroad(post: str) -> None:
    assert re.fullmatch(streets.MILITARY, post, re.IGNORECASE)


def test_words_are_small_and_endings_long_enough_to_mean_something() -> None:
    words = (*streets.ENGLISH, *streets.ENDINGS, *streets.BEFORE, *streets.AFTER)
    assert all(word == word.lower() for word in words)
    assert min(map(len, streets.ENDINGS)) >= 3
