"""What characters are, and where words begin, in any script."""

from __future__ import annotations

import numpy as np
import pytest

from ingot.data.characters import DIGIT, LETTER, SPACE, SYMBOL, WORD_LETTER, codes, kinds, word_starts


def words(text: str) -> list[str]:
    of = kinds(codes(text))
    starts = np.flatnonzero(word_starts(of))
    ends = [
        next((place for place in range(start + 1, len(text)) if of[place] < DIGIT or place in starts), len(text))
        for start in starts
    ]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def test_kinds() -> None:
    assert kinds(codes("a7 +\n字😀_")).tolist() == [
        *(LETTER, DIGIT, SPACE, SYMBOL, SPACE),
        *(WORD_LETTER, SYMBOL, SYMBOL),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The year 2024, it's over.", ["The", "year", "2024", "it", "s", "over"]),
        ("größer+kleiner", ["größer", "kleiner"]),
        ("日本の car", ["日", "本", "の", "car"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("a字b", ["a", "字", "b"]),
        ("", []),
        ("... \U0010ffff", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected
