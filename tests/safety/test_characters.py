from __future__ import annotations

import pytest

from ingot.safety.characters import CAPITAL, DIGIT, LETTER, OTHER, as_plain, codes, kinds


@pytest.mark.parametrize(
    ("character", "kind"),
    [
        ("a", LETTER),
        ("É", CAPITAL),
        ("ß", LETTER),
        ("日", LETTER),
        ("7", DIGIT),
        ("٣", DIGIT),
        ("-", OTHER),
        ("😀", OTHER),
    ],
)
def test_kinds(character: str, kind: int) -> None:
    assert kinds()[codes(character)].tolist() == [kind]


@pytest.mark.parametrize(
    ("word", "plain"),
    [
        ("Łukasz", "lukasz"),
        ("MÜLLER", "muller"),
        ("Björn", "bjorn"),
        ("Øystein", "oystein"),
        ("Straße", "strase"),
        ("x", "x"),
    ],
)
def test_plain_forms(word: str, plain: str) -> None:
    assert as_plain(word) == plain


def test_characters_beyond_the_first_plane_count_once() -> None:
    assert len(codes("a😀b")) == 3
