"""Cutting changes nothing: not the text, not the ids."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from ingot.tokenizer.pieces import pieces
from ingot.tokenizer.splitting import SPLITTINGS, named

alphabet = st.sampled_from("abé中文かж9 0'sT\n\r\t.,;-_!。、\u00a0\u2003\u0301ſ²Ⅷ\x1c\x85🎉")
texts = st.text(alphabet, max_size=60) | st.text(max_size=60)


def words(text: str, splitting: str) -> list[str]:
    split = pre_tokenizers.Split(Regex(named(splitting).regex), "isolated")
    return [word for word, _ in split.pre_tokenize_str(text)]


@pytest.mark.parametrize("splitting", SPLITTINGS)
@given(text=texts, size=st.integers(1, 9))
@settings(deadline=None, max_examples=300)
def test_pieces_join_to_the_text_and_to_its_words(splitting: str, text: str, size: int) -> None:
    cut = list(pieces(text, size))
    assert "".join(cut) == text
    # Words, not ids: two words can have the ids of the one they should have been, as long as no merge crosses them.
    assert [word for piece in cut for word in words(piece, splitting)] == words(text, splitting)


TERMS = ["a-1", "1, 2", "-a-"]


@given(text=st.text(st.sampled_from("ab12-, "), max_size=60), size=st.integers(1, 9))
@settings(deadline=None, max_examples=300)
def test_no_piece_ends_inside_a_protected_term(text: str, size: int) -> None:
    place = 0
    for piece in list(pieces(text, size, protected=TERMS))[:-1]:
        place += len(piece)
        for term in TERMS:
            around = text[max(0, place - len(term) + 1) : place + len(term) - 1]
            assert term not in around


def test_ordinary_text_is_cut_close_to_the_size_wanted() -> None:
    for sentence in (
        "The quick brown fox.\n",
        "敏捷的棕色狐狸跳过懒狗。",
        "Быстрая лиса, и собака.\n",
        "0x1f, 0x2e; ",
        "हिन्दी भाषा",
    ):
        lengths = [len(piece) for piece in pieces(sentence * 500, size=1000)]
        assert len(lengths) > 3
        assert max(lengths) < 1000 + len(sentence) + 1


def test_text_without_any_place_to_cut_is_cut_at_the_longest_length() -> None:
    assert [len(piece) for piece in pieces("a" * 25, size=4, longest=10)] == [10, 10, 5]
    assert list(pieces("")) == [""]
