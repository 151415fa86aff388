"""Passages are pieces of the document, byte for byte, none too long, nothing but white space between them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingot.retrieve.passages import cut

PIECES = ["Rent is due.", " ", "\n", "\n\n", "Ende! ", "病院。", "é" * 30, "a" * 90, "\t", "e.g. this ", "؟ "]
TEXTS = st.lists(st.sampled_from(PIECES)).map("".join)


@given(TEXTS, st.integers(16, 120))
def test_passages_hold_every_byte_but_white_space(text: str, most_bytes: int) -> None:
    whole = text.encode()
    spans = cut(whole, most_bytes)
    ends = [0, *(end for _, end in spans)]
    assert all(0 < end - start <= most_bytes for start, end in spans)
    between = [whole[before:start] for before, (start, _) in zip(ends, spans, strict=False)] + [whole[ends[-1] :]]
    assert all(not each.decode().strip() for each in between)
    for start, end in spans:
        passage = whole[start:end].decode()  # never cut within a character
        assert passage == passage.strip(" \t\r\n")


def test_sentences_stay_whole_where_they_fit() -> None:
    text = b"The lease ends in May. The tenant moves out. Keys are handed over, e.g. by post. Nothing is owed."
    found = [text[start:end].decode() for start, end in cut(text, 50)]
    assert found[:2] == ["The lease ends in May. The tenant moves out.", "Keys are handed over, e.g. by post."]
    assert found[2:] == ["Nothing is owed."]


def test_a_paragraph_begins_a_passage_where_the_last_one_is_half_full() -> None:
    text = b"First paragraph, which is of some length.\n\nSecond.\n\nThird."
    found = [text[start:end].decode() for start, end in cut(text, 70)]
    assert found == ["First paragraph, which is of some length.", "Second.\n\nThird."]


def test_scripts_without_spaces_are_cut_at_their_full_stops() -> None:
    text = "患者は病院に行く。医者は薬を出す。薬は苦い。".encode()
    found = [text[start:end].decode() for start, end in cut(text, 30)]
    assert found == ["患者は病院に行く。", "医者は薬を出す。", "薬は苦い。"]


def test_a_text_of_white_space_has_no_passage() -> None:
    assert cut(b" \n\n\t ", 100) == []
    assert cut(b"", 100) == []
