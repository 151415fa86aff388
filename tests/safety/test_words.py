from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.safety import lexicon
from ingot.safety.characters import LETTER, codes, kinds
from ingot.safety.words import Words, words_of


def rows(text: str) -> list[str]:
    words = words_of(text)
    return [text[words.starts[first] : words.ends[last]] for first, last in words.runs.tolist()]


def written(text: str, words: Words) -> list[str]:
    return [text[start:end] for start, end in zip(words.starts.tolist(), words.ends.tolist(), strict=True)]


@settings(deadline=None)
@given(st.text())
def test_words_are_rows_of_letters(text: str) -> None:
    found = words_of(text)
    letters = "".join("x" if kind >= LETTER else " " for kind in kinds()[codes(text)])
    assert list(zip(found.starts.tolist(), found.ends.tolist(), strict=True)) == [
        match.span() for match in re.finditer("x+", letters)
    ]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["Anna", "the", "ANNA", "Möller", "loan", "Zürich", "-ing", "42"]), max_size=30))
def test_a_word_is_known_wherever_it_stands(words: list[str]) -> None:
    text = " ".join(words)
    found = words_of(text)
    for word, flags in zip(written(text, found), found.flags.tolist(), strict=True):
        assert bool(flags & lexicon.FIRST_NAME) == (word.lower() == "anna")
        assert bool(flags & lexicon.PLACE) == (word == "Zürich")


def test_rows_of_capitals_that_may_be_names() -> None:
    assert rows("We met Ludwig van Beethoven and J. R. Hartley there.") == ["Ludwig van Beethoven", "J. R. Hartley"]
    assert rows("The Agreement shall bind the Parties.") == []


def test_a_word_seen_in_small_letters_is_usual() -> None:
    assert rows("A Widget is here.") == []  # in the lexicon
    assert rows("See a Grommet here.") == ["Grommet"]
    assert rows("A Grommet is here. Each grommet counts.") == []


def test_will_is_a_name_only_inside_a_sentence() -> None:
    assert rows("Will the tenant pay?") == []
    assert rows("We asked Mark about it.") == ["Mark"]
    assert rows("We asked Mark Young about it.") == ["Mark Young"]


def test_abbreviations_are_no_names_and_united_states_is() -> None:
    assert rows("the NCI and the CNS said") == []
    assert rows("in the United States of late") == ["United States"]


def test_where_nouns_have_capitals_only_known_names_count() -> None:
    german = (
        "der Vertrag und die Frist sowie das Gesetz mit einer Anlage nach der Verordnung für die Prüfung in Berlin. "
        * 3
    )
    words = words_of(german)
    assert words.usual_capitals
    assert set(rows(german)) == {"Berlin"}


def test_a_text_without_capitals_is_read_by_its_given_names() -> None:
    assert rows("please call naomi brandvold today") == ["naomi brandvold"]


def test_numbers_behind_words_are_told() -> None:
    words = words_of("Lindenhof 46, Suite, 12 and more")
    assert words.is_numbered.tolist() == [True, True, False, False]


@pytest.mark.parametrize("text", ["", " ", "12", "a"])
def test_little_text_has_no_rows(text: str) -> None:
    assert words_of(text).runs.shape == (0, 2)
