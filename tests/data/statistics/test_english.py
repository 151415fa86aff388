"""The exceptions are whole: each is made of its words, and there are as many as in spaCy 3.8."""

from __future__ import annotations

from ingot.data.statistics.english import exceptions
from ingot.data.statistics.rules import BITS_OF_A_CUT, LONGEST_EXCEPTION


def test_an_exception_is_its_words() -> None:
    assert all("".join(words) == stretch for stretch, words in exceptions().items())


def test_there_are_as_many_as_there_should_be() -> None:
    assert len(exceptions()) == 1343
    assert max(map(len, exceptions())) == LONGEST_EXCEPTION
    assert all(len(word) < 1 << BITS_OF_A_CUT for words in exceptions().values() for word in words)


def test_contractions_are_cut_and_their_likes_are_not() -> None:
    found = exceptions()
    assert found["shouldn't've"] == ["should", "n't", "'ve"]
    assert found["Can’t"] == ["Ca", "n’t"]
    assert found["12p.m."] == ["12", "p.m."]
    assert found["Ph.D."] == ["Ph.D."]
    assert not {"well", "Ill", "its", "were"} & set(found)
