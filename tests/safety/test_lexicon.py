from __future__ import annotations

import pytest

from ingot.safety import lexicon


@pytest.mark.parametrize(
    ("word", "classes"),
    [
        ("anna", lexicon.FIRST_NAME),
        ("garcia", lexicon.SURNAME),
        ("agreement", lexicon.ORDINARY),
        ("berlin", lexicon.PLACE),
        ("danish", lexicon.PEOPLE),
        ("engineer", lexicon.OCCUPATION),
        ("mrs", lexicon.TITLE),
        ("van", lexicon.PARTICLE),
        ("institute", lexicon.COMPANY),
        ("gmbh", lexicon.LEGAL_FORM),
        ("boulevard", lexicon.STREET),
    ],
)
def test_words_have_their_class(word: str, classes: int) -> None:
    assert lexicon.known_words()[word] & classes


@pytest.mark.parametrize("name", ["first_names", "surnames", "ordinary", "places", "peoples", "occupations"])
def test_lists_say_where_they_come_from_and_are_small(name: str) -> None:
    text = (lexicon.LISTS / f"{name}.txt").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "compiled by hand" in text.splitlines()[0].lower()
    assert len(text) < 60_000
    assert all(entry == entry.lower() for entry in lexicon.entries(name))


def test_places_of_several_words_are_known_whole() -> None:
    assert lexicon.is_place("New York")
    assert not lexicon.is_place("New")
    assert lexicon.known_words()["new"] & lexicon.PLACE_START
