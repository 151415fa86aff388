"""What characters are, in any script, and the same whatever Python knows of Unicode."""

from __future__ import annotations

import numpy as np
import pytest

from ingot.data import characters
from ingot.data.characters import ALONE, CODE_POINTS, DIGIT, LETTER, SPACE, SYMBOL, TRAITS


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        *(("a", LETTER), ("7", DIGIT), (" ", SPACE), ("\n", SPACE), ("+", SYMBOL), ("_", SYMBOL), ("😀", SYMBOL)),
        *(("ß", LETTER), ("٣", DIGIT), ("字", LETTER | ALONE), ("の", LETTER | ALONE), ("ไ", LETTER | ALONE)),
        ("नि"[1], LETTER),
    ],
)
def test_kinds(character: str, expected: np.uint64) -> None:
    assert characters.table()[ord(character)] & (LETTER | DIGIT | SYMBOL | SPACE | ALONE) == expected


def test_a_character_holds_its_code_point() -> None:
    table = characters.table()
    assert len(table) == CODE_POINTS
    assert (table & np.uint64(0xFFFFFFFF) == np.arange(CODE_POINTS)).all()
    assert len(set(TRAITS)) == len(TRAITS) <= 32


def test_lower_case_keeps_one_character_one() -> None:
    assert [chr(characters.lower()[ord(one)]) for one in "AÄЖΣaİ字"] == ["a", "ä", "ж", "σ", "a", "İ", "字"]


def test_the_tables_cannot_be_changed() -> None:
    assert not characters.table().flags.writeable
    assert not characters.lower().flags.writeable
