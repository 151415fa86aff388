"""Only runs of words of an index are found, whatever stands between the words, and broken indexes are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.errors import InputError, UsageError
from ingot.data.ngram_index import INDEX_FILE, NGRAMS_FILE, IndexConfig, NgramIndex, build, index_ngrams, load
from ingot.data.word_hashes import ngram_hashes, word_hashes
from tests.data.reference_sets import LEASE, artifact, context, sentences

QUESTION = "Which organ of the human body filters about one hundred and eighty litres of blood every single day?"


def covered(index: NgramIndex, text: str) -> list[bool]:
    found: list[bool] = index.covered(word_hashes(text)).tolist()
    return found


def test_words_of_an_index_are_covered(tmp_path: Path) -> None:
    build([QUESTION, "too short"], tmp_path)
    index = load(tmp_path)
    changed = QUESTION.upper().replace(" ", " - ")
    assert all(covered(index, changed))
    assert covered(index, f"before {QUESTION} after") == [False, *[True] * 18, False]
    assert not any(covered(index, QUESTION.replace("human", "animal").replace("blood", "water")))
    assert not any(covered(index, "something else altogether, " * 20))


def test_twelve_words_are_too_few_and_thirteen_enough(tmp_path: Path) -> None:
    build([QUESTION], tmp_path)
    index, words = load(tmp_path), QUESTION.split()
    assert not any(covered(index, " ".join(words[:12])))
    assert all(covered(index, " ".join(words[:13])))


def test_the_description_says_what_is_in_it(tmp_path: Path) -> None:
    facts = build([QUESTION, QUESTION, "too short"], tmp_path)
    assert facts == {"format": 1, "words": 13, "ngrams": 6, "texts": 3, "too_short": 1}
    assert json.loads((tmp_path / INDEX_FILE).read_text())["ngrams"] == 6
    assert b"organ" not in (tmp_path / NGRAMS_FILE).read_bytes()


def test_the_step_indexes_all_inputs(tmp_path: Path) -> None:
    texts = sentences(LEASE, 30)
    inputs = {name: artifact(tmp_path / name, part) for name, part in (("one", texts[:15]), ("two", texts[15:]))}
    facts = index_ngrams(IndexConfig(words=8), inputs, context(tmp_path / "index"))
    assert facts["texts"] == 30
    index = load(tmp_path / "index")
    assert index.words == 8
    assert all(any(covered(index, text)) for text in texts)


def test_a_length_that_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 words"):
        build([QUESTION], tmp_path, words=2)
    with pytest.raises(InputError, match="none of 1"):
        build(["too short"], tmp_path)


def test_what_is_no_index(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not an n-gram index"):
        load(tmp_path)
    build([QUESTION], tmp_path)
    (tmp_path / NGRAMS_FILE).write_bytes(b"\0" * 8)
    with pytest.raises(InputError, match="cannot be used"):
        load(tmp_path)


def test_an_index_of_other_words(tmp_path: Path) -> None:
    build([QUESTION], tmp_path)
    described = json.loads((tmp_path / INDEX_FILE).read_text())
    (tmp_path / INDEX_FILE).write_text(json.dumps({**described, "check": "0" * 16}))
    with pytest.raises(InputError, match="cannot be used"):
        load(tmp_path)


@settings(max_examples=60, deadline=None)
@given(known=st.lists(st.sampled_from("abc"), max_size=40), words=st.lists(st.sampled_from("abc"), max_size=40))
def test_it_finds_what_a_slow_search_finds(known: list[str], words: list[str]) -> None:
    grams = {tuple(known[start : start + 4]) for start in range(len(known) - 3)}
    hashes = np.unique(ngram_hashes(word_hashes(" ".join(known)), 4))
    expected = [False] * len(words)
    for start in range(len(words) - 3):
        if tuple(words[start : start + 4]) in grams:
            expected[start : start + 4] = [True] * 4
    assert covered(NgramIndex(4, hashes), " ".join(words)) == expected
