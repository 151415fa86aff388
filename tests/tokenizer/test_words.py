"""Words counted by compiled code are those the regular expressions cut."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from ingot.tokenizer.splitting import SPLITTINGS, named
from ingot.tokenizer.words import WordCounter, count_words_of, split
from tests.tokenizer.conftest import MIXED

tricky = st.text(
    st.sampled_from("abZQé中かж90²Ⅷ'sStTmMdDlLrReEvVſK \n\r\t.,/;-_!\0。\u00a0\u2003\u0301ं\x1c\x85🎉"), max_size=40
)


def reference(text: str, name: str) -> list[str]:
    return [word for word, _ in pre_tokenizers.Split(Regex(named(name).regex), "isolated").pre_tokenize_str(text)]


def counted(counter: WordCounter) -> dict[str, int]:
    data, starts, counts = counter.words()
    words = [data[one:other].tobytes().decode() for one, other in pairwise(starts)]
    assert len(set(words)) == len(words)
    return dict(zip(words, counts.tolist(), strict=True))


@pytest.mark.parametrize("name", SPLITTINGS)
@given(text=tricky | st.text(max_size=40))
@settings(deadline=None, max_examples=400)
def test_any_text_is_cut_as_the_regular_expression_cuts_it(name: str, text: str) -> None:
    assert split(text, named(name)) == reference(text, name)


@pytest.mark.parametrize("name", SPLITTINGS)
def test_real_text_is_cut_as_the_regular_expression_cuts_it(name: str, corpus: list[str]) -> None:
    for text in (*MIXED, *corpus):
        assert split(text, named(name)) == reference(text, name)


def test_words_are_counted(corpus: list[str]) -> None:
    texts = [*corpus, *MIXED, "", *corpus[:1]]
    expected = Counter(word for text in texts for word in reference(text, "qwen2"))
    assert counted(count_words_of(texts, named("qwen2"), longest=1 << 20)) == expected


def test_many_words_and_long_ones_make_the_table_grow() -> None:
    texts = [
        " ".join(f"w{number}x{number * 7}" for number in range(first, first + 5000)) for first in range(0, 90_000, 5000)
    ]
    long = "a" * 3_000_000
    expected = Counter(word for text in [*texts, long] for word in split(text, named("qwen2")))
    assert counted(count_words_of([*texts, long], named("qwen2"), longest=1 << 30)) == expected


def test_a_word_longer_than_allowed_is_cut_between_characters() -> None:
    words = counted(count_words_of(["é" * 25 + "🎉" * 4, "é" * 10], named("qwen2"), longest=10))
    assert words == {"é" * 10: 3, "é" * 5: 1, "🎉" * 4: 1}
