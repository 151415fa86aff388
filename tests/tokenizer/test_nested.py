"""What smaller vocabularies are worth, against vocabularies really learned that small."""

from __future__ import annotations

import numpy as np
import pytest

from ingot.tokenizer.codec import Codec
from ingot.tokenizer.nested import Size, best, sizes
from ingot.tokenizer.train import learn, shrink

TERMS = ["AST", "visitor"]


@pytest.mark.parametrize("terms", [[], TERMS])
@pytest.mark.parametrize("splitting", ["qwen2", "gpt-2"])
def test_the_figures_are_those_of_vocabularies_learned_that_small(
    corpus: list[str], splitting: str, terms: list[str]
) -> None:
    full = Codec(learn(corpus[:1], 2048, splitting, terms))
    text = corpus[1] + "AST"
    uses = np.bincount(full.encode(text), minlength=full.vocabulary)
    wanted = [384, 512, 1024, full.vocabulary]
    table = sizes(full.tokenizer, uses, len(text.encode()), wanted)
    for size in table:
        smaller = Codec(learn(corpus[:1], size.vocabulary, splitting, terms))
        assert size.bytes_per_token == pytest.approx(len(text.encode()) / len(smaller.encode(text)), abs=1e-4)
    assert [size.vocabulary for size in table] == wanted


@pytest.mark.parametrize("terms", [[], TERMS])
def test_a_vocabulary_cut_is_the_one_learned_that_small(corpus: list[str], terms: list[str]) -> None:
    full = learn(corpus, 2048, terms=terms)
    for size in (512, 1024, 2048):
        assert shrink(full, size).to_str() == learn(corpus, size, terms=terms).to_str()


def test_without_wishes_the_powers_of_two_and_the_whole_are_told(corpus: list[str]) -> None:
    full = learn(corpus, 1536)
    table = sizes(full, np.ones(1536, dtype=np.int64), 10_000)
    assert [size.vocabulary for size in table] == [512, 1024, 1536]


def test_the_best_size_grows_with_the_layers() -> None:
    table = [Size(1024, 2.6), Size(4096, 3.5), Size(16384, 4.0), Size(65536, 4.4)]
    chosen = [best(table, layers, 256).vocabulary for layers in (100_000, 10_000_000, 1_000_000_000)]
    assert chosen == [1024, 4096, 65536]
    assert best(table, 10_000_000, 256).cost_per_byte(10_000_000, 256) == (10_000_000 + 4096 * 256) / 3.5


def test_no_text_is_worth_nothing(corpus: list[str]) -> None:
    assert sizes(learn(corpus, 512), np.zeros(512, dtype=np.int64), 0) == (Size(512, 0.0),)
