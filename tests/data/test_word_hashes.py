"""Words are the same whatever their case and what stands between them; n-grams are words in a row."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.data.word_hashes import ngram_hashes, word_hashes


def test_case_and_signs_make_no_difference() -> None:
    assert word_hashes("To be -- or NOT to be?").tolist() == word_hashes("to be or not to be").tolist()
    assert len(set(word_hashes("to be or not to be").tolist())) == 4


def test_scripts_without_spaces_have_a_word_a_letter() -> None:
    assert len(word_hashes("今天天气")) == 4
    assert len(word_hashes("Größe, Ärger, 3 Öfen")) == 4


def test_what_has_no_words() -> None:
    assert len(word_hashes("")) == 0
    assert len(word_hashes(" .,;! \n")) == 0
    assert len(ngram_hashes(word_hashes("one two"), 3)) == 0


def test_ngrams_are_words_in_a_row() -> None:
    words = word_hashes("a b c a b c")
    grams = ngram_hashes(words, 3)
    assert len(grams) == 4
    assert grams[0] == grams[3]
    assert len(set(grams.tolist())) == 3
    assert ngram_hashes(words[:2], 2)[0] != ngram_hashes(words[1::-1], 2)[0]


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=200))
def test_any_text_will_do(text: str) -> None:
    words = word_hashes(text)
    assert words.dtype == np.uint64
    assert word_hashes(f"{text}\n{text}").tolist() == [*words.tolist(), *words.tolist()]
