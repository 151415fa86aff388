"""Long texts are read in places from end to end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingot.data.excerpts import WINDOWS, excerpt


def test_a_short_text_is_read_whole() -> None:
    assert excerpt("four", 4) == "four"


def test_the_beginning_and_the_end_are_read() -> None:
    text = "A" * 5000 + "B" * 5000 + "C" * 5000
    read = excerpt(text, 800)
    assert read.split("\n")[0] == "A" * 100
    assert read.split("\n")[-1] == "C" * 100
    assert "B" in read


@given(text=st.text(), characters=st.integers(WINDOWS, 100))
def test_it_is_never_longer(text: str, characters: int) -> None:
    assert len(excerpt(text, characters)) <= characters + WINDOWS - 1
