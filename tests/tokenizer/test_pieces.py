"""Cutting changes nothing: not the text, not the ids."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from ingot.tokenizer.pieces import pieces

alphabet = st.sampled_from("abé中文かж9 0'sT\n\r\t.,;-_!。、\u00a0\u2003\u0301ſ²Ⅷ\x1c\x85🎉")
texts = st.text(alphabet, max_size=60) | st.text(max_size=60)


@pytest.fixture(scope="module")
def tokenizer(tokenizer_folder: object) -> Tokenizer:
    loaded = Tokenizer.from_file(f"{tokenizer_folder}/tokenizer.json")
    loaded.encode_special_tokens = True
    return loaded


@given(text=texts, size=st.integers(1, 9))
@settings(deadline=None, max_examples=500)
def test_pieces_join_to_the_text_and_to_its_ids(tokenizer: Tokenizer, text: str, size: int) -> None:
    cut = list(pieces(text, size))
    assert "".join(cut) == text
    joined = [token_id for piece in cut for token_id in tokenizer.encode(piece, add_special_tokens=False).ids]
    assert joined == tokenizer.encode(text, add_special_tokens=False).ids


def test_ordinary_text_is_cut_close_to_the_size_wanted() -> None:
    for sentence in ("The quick brown fox.\n", "敏捷的棕色狐狸跳过懒狗。", "Быстрая лиса, и собака.\n", "0x1f, 0x2e; "):
        lengths = [len(piece) for piece in pieces(sentence * 500, size=1000)]
        assert len(lengths) > 3
        assert max(lengths) < 1000 + len(sentence) + 1


def test_text_without_any_place_to_cut_is_cut_at_the_longest_length() -> None:
    assert [len(piece) for piece in pieces("a" * 25, size=4, longest=10)] == [10, 10, 5]
    assert list(pieces("")) == [""]
