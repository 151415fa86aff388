from __future__ import annotations

from ingot.safety.wordlists import listed, phrases


def test_lines_become_words_and_phrases() -> None:
    assert listed("a b", "c") == ("a", "b", "c")
    assert phrases("my name is|call me|", "named") == ("my name is", "call me", "named")
