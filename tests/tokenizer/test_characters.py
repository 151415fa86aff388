"""The kinds of characters, as the regex engine sees them one by one."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Regex, pre_tokenizers

from ingot.tokenizer.characters import CODE_POINTS, LETTER, NUMBER, OTHER, SPACE, kinds, kinds_of, unsettled


def kind(character: str, letters: str) -> int:
    for found, pattern in ((LETTER, letters), (NUMBER, r"\p{N}"), (SPACE, r"\s")):
        if pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str(character) == []:
            return found
    return OTHER


@pytest.mark.parametrize("marks_are_letters", [False, True])
def test_each_character_has_the_kind_the_engine_gives_it(marks_are_letters: bool) -> None:
    table = kinds(marks_are_letters)
    letters = r"[\p{L}\p{M}]" if marks_are_letters else r"\p{L}"
    # The first four planes hold everything that is assigned, but for tags; surrogates are no characters.
    for code in [*range(0x300), *range(0x300, 0xD800, 37), *range(0xE000, 0x40000, 1009)]:
        assert table[code] == kind(chr(code), letters), hex(code)
    assert len(table) == CODE_POINTS


def test_a_few_are_asked_for_alone() -> None:
    characters = unsettled()
    assert list(characters) == sorted(characters)
    codes = np.array([ord(character) for character in characters])
    assert (kinds_of(characters) == kinds()[codes]).all()


def test_what_can_change_with_a_version_is_unsettled_and_ascii_is_not() -> None:
    characters = set(unsettled())
    assert {"\u088f", "\ua7ce", "\U00010940", "\U000323b0", "é", "ſ"} <= characters
    assert not characters & {"a", "0", " ", "中", "한", "\ue000"}
