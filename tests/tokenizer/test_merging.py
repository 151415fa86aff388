"""The compiled trainer gives the merges of the reference trainer, to the last tie."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.tokenizer import train
from ingot.tokenizer.merging import Merger, learn_merges
from ingot.tokenizer.splitting import SPLITTINGS
from ingot.tokenizer.train import learn
from ingot.tokenizer.words import count_words_of
from tests.tokenizer.conftest import MIXED


def both(texts: Sequence[str], vocabulary: int, splitting: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Return the same vocabulary learned by the reference and by compiled code."""
    files = []
    for least in (1 << 60, 0):
        monkeypatch.setattr(train, "_LEAST_COMPILED_CHARACTERS", least)
        files.append(learn(texts, vocabulary, splitting).to_str(pretty=True))
    return files[0], files[1]


@pytest.mark.parametrize("splitting", SPLITTINGS)
def test_real_text_gives_the_same_file(splitting: str, corpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    reference, compiled = both([*corpus, *MIXED], 4096, splitting, monkeypatch)
    assert compiled == reference
    assert len(json.loads(compiled)["model"]["merges"]) > 2000


@given(texts=st.lists(st.text(st.sampled_from("aab b"), max_size=60), min_size=1, max_size=6))
@settings(deadline=None, max_examples=150)
def test_ties_and_tokens_made_in_two_ways_are_settled_alike(texts: list[str]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        reference, compiled = both(texts, 512, "qwen2", monkeypatch)
    assert compiled == reference


def test_it_says_how_long_the_text_has_become() -> None:
    counter = count_words_of(["abab abab"], SPLITTINGS["qwen2"], 100)
    data, starts, counts = counter.words()
    merger = Merger(data.astype("int32"), starts, counts)
    assert merger.text_tokens == 9
    tokens = [chr(code) for code in range(256)]
    learned = learn_merges(merger, tokens, 257, least=2)
    assert learned.tokens[256:] == ("ab",)
    assert merger.text_tokens == 5


def test_nothing_to_learn_from_teaches_nothing() -> None:
    data, starts, counts = count_words_of([], SPLITTINGS["qwen2"], 100).words()
    assert learn_merges(Merger(data.astype("int32"), starts, counts), ["a"], 10, least=2).merges == ()
