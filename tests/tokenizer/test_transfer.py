"""Rows for a new vocabulary, from those of the old one."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE, WordLevel

from ingot.core.errors import InputError
from ingot.tokenizer.train import extend, learn
from ingot.tokenizer.transfer import transfer
from ingot.tokenizer.vocabulary import SPECIALS

NEW_TEXT = ["Die Hauptversammlung beschließt über die Verwendung des Bilanzgewinns. 🎉\n" * 400]


@pytest.fixture(scope="module")
def old(corpus: list[str]) -> Tokenizer:
    return learn(corpus, 768, terms=["AST-1"])


@pytest.fixture(scope="module")
def matrix(old: Tokenizer) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(old.get_vocab_size(), 16)).astype(np.float32)


def test_the_same_vocabulary_keeps_every_row(old: Tokenizer, matrix: np.ndarray) -> None:
    moved = transfer(old, old)
    assert moved.kept == old.get_vocab_size()
    assert (moved.rows(matrix) == matrix).all()


def test_a_new_token_is_the_mean_of_the_old_ones_it_was(old: Tokenizer, matrix: np.ndarray) -> None:
    new = learn(NEW_TEXT, 512, "llama-bpe", terms=["AST-1", "Bilanz-X"])
    moved = transfer(old, new)
    rows = moved.rows(matrix)
    assert rows.shape == (new.get_vocab_size(), 16)
    old.encode_special_tokens = True
    by_text = {new.decode([token_id]): token_id for token_id in range(len(SPECIALS), new.get_vocab_size())}
    for text in (" Hauptversammlung", "beschließt", "Bilanz-X", "a", "AST-1"):
        if text in by_text:
            pieces = old.encode(text, add_special_tokens=False).ids
            assert rows[by_text[text]] == pytest.approx(matrix[pieces].mean(axis=0), abs=1e-6), text
    assert {"Bilanz-X", "a", "AST-1"} <= set(by_text)


def test_control_tokens_keep_theirs_and_new_ones_begin_near_the_middle(old: Tokenizer, matrix: np.ndarray) -> None:
    new = Tokenizer.from_str(old.to_str())
    new.add_special_tokens(["<|first|>", "<|second|>"])
    moved = transfer(old, new)
    rows = moved.rows(matrix, seed=3)
    assert (rows[: len(SPECIALS)] == matrix[: len(SPECIALS)]).all()
    first, second = rows[-2], rows[-1]
    assert (first != second).any()
    assert np.abs(first - matrix.mean(axis=0)).max() < 0.5 * matrix.std()
    assert (moved.rows(matrix, seed=3) == rows).all()
    assert (moved.rows(matrix, seed=4)[-1] != second).any()


def test_half_characters_are_made_of_bytes(old: Tokenizer, matrix: np.ndarray) -> None:
    content = {character: number for number, character in enumerate(["ð", "Ł", "ðŁ"])}
    new = Tokenizer(BPE(content, [("ð", "Ł")]))
    new.decoder = decoders.ByteLevel()
    rows = transfer(old, new).rows(matrix)
    places = [old.token_to_id("ð"), old.token_to_id("Ł")]
    assert rows[2] == pytest.approx(matrix[places].mean(axis=0), abs=1e-6)


def test_an_extended_vocabulary_keeps_all_old_rows_in_place(old: Tokenizer, matrix: np.ndarray) -> None:
    new = extend(old, NEW_TEXT, 1024)
    rows = transfer(old, new).rows(matrix)
    assert (rows[: len(matrix)] == matrix).all()
    assert len(rows) > len(matrix)


def test_a_padded_matrix_is_read_as_far_as_it_has_tokens(old: Tokenizer, matrix: np.ndarray) -> None:
    padded = np.concatenate((matrix, np.full((64, 16), 1e9, dtype=np.float32)))
    new = Tokenizer.from_str(old.to_str())
    new.add_special_tokens(["<|new|>"])
    assert np.abs(transfer(old, new).rows(padded)).max() < 1e3


def test_vocabularies_that_are_not_of_bytes_are_refused(old: Tokenizer) -> None:
    with pytest.raises(InputError, match="another vocabulary"):
        transfer(old, Tokenizer(WordLevel({"a": 0}, "a")))
