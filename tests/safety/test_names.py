from __future__ import annotations

import pytest

from ingot.safety.names import Name
from ingot.safety.text import Text


def only(text: str) -> Name:
    (name,) = Text(text).names
    return name


def test_a_row_knows_what_stands_around_it() -> None:
    name = only("Yes, my name is Zofia Brandt, said the caller.")
    assert [word.text for word in name.words] == ["Zofia", "Brandt"]
    assert name.before == ("is", "name is", "my name is")
    assert name.right.startswith(", said")
    assert not name.begins_sentence


def test_beginnings_and_lines() -> None:
    assert only("Zofia began.").begins_sentence
    first = Text("Zofia Brandt\nHauptstraße 5\n\n10115 Berlin").names[0]
    assert first.fills_line
    assert first.lines_below(2) == ["Hauptstraße 5", "10115 Berlin"]


def test_words_stand_near_across_one_line_end_but_not_across_a_blank_line() -> None:
    assert only("kind regards,\nZofia").before == ("regards,", "kind regards,")
    assert only("kind regards,\n\nZofia").before == ()


@pytest.mark.parametrize("word", ["KeyError", "IIIb", "TKIs"])
def test_what_is_written_as_no_name_is(word: str) -> None:
    name = only(f"see Zofia {word} there")
    assert [each.is_no_name for each in name.words] == [False, True]


@pytest.mark.parametrize("word", ["McDonald", "DeVries", "LaRoche", "Zofia"])
def test_capitals_inside_some_names_are_usual(word: str) -> None:
    assert not any(each.is_no_name for each in only(f"see {word} there").words)


def test_a_part_has_its_own_surroundings() -> None:
    name = only("ask Zofia Brandt now")
    assert name.part(1, 1).before == ("zofia", "ask zofia")
    assert name.part(0, 1) is name
