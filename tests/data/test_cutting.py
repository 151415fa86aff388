"""Pieces are bounded, exact, and cut where a reader would cut."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from typing import BinaryIO, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingot.data.cutting import cut_text, text_pieces
from ingot.data.decoding import uniform_lines
from ingot.data.document import Position


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252", "shift_jis"])
@pytest.mark.parametrize("separator", ["\n\n", "\n", " ", ""])
def test_spans_are_exact_in_every_encoding(encoding: str, separator: str) -> None:
    letters = "日本語の文章です" if encoding == "shift_jis" else "die schöne Größe übt Gemütlichkeit"
    payload = separator.join([letters] * 400).encode(encoding)
    codec = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(encoding, encoding)
    pieces = list(text_pieces(io.BytesIO(payload), 600))
    assert len(pieces) > 5
    assert all(piece.text == payload[piece.start : piece.end].decode(codec) for piece in pieces)
    assert all(left.end == right.start for left, right in itertools.pairwise(pieces))
    assert pieces[-1].end == len(payload)
    assert "".join(piece.text for piece in pieces) == separator.join([letters] * 400)
    assert all(len(piece.text.encode()) <= 600 for piece in pieces)


def test_a_paragraph_break_is_better_than_a_line_break_than_a_space() -> None:
    def first(text: str) -> str:
        return next(cut_text(text, 40)).text

    assert first("some words here\nmore words\n\na paragraph b c d e f") == "some words here\nmore words\n\n"
    assert first("some words here and more\nthen another line of it") == "some words here and more\n"
    assert first("some words without any line break at all in them") == "some words without any line break at "
    assert first("x" * 100) == "x" * 40


def test_an_early_break_does_not_make_tiny_pieces() -> None:
    assert len(next(cut_text("a\n\n" + "b" * 100, 40)).text) == 40


def test_line_ends_are_uniform_and_never_cut() -> None:
    payload = b"".join(b"line %d\r\n" % number for number in range(500))
    pieces = list(text_pieces(io.BytesIO(payload), 100))
    assert "".join(piece.text for piece in pieces) == payload.decode().replace("\r\n", "\n")
    blob = (b"x" * 99 + b"\r\n") * 20
    assert "".join(piece.text for piece in text_pieces(io.BytesIO(blob), 100)) == ("x" * 99 + "\n") * 20


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="aé😀 \n\r世", min_size=1, max_size=300), size=st.integers(8, 64))
@example(text="\r" * 30, size=8)
def test_any_text_comes_back_whole(text: str, size: int) -> None:
    payload = text.encode("utf-8")
    pieces = list(text_pieces(io.BytesIO(payload), size))
    assert "".join(piece.text for piece in pieces) == uniform_lines(text)
    assert [piece.start for piece in pieces] == [0, *(piece.end for piece in pieces[:-1])]
    again = list(cut_text(text, size))
    assert "".join(piece.text for piece in again) == text
    assert all(len(piece.text.encode()) <= size for piece in again)


class Endless(io.RawIOBase):
    """A line that never ends; counts what was taken from it."""

    taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        self.taken += size
        return b"x" * size


def test_a_line_without_end_is_cut_in_bounded_memory() -> None:
    stream = Endless()
    pieces: Iterator[object] = text_pieces(cast("BinaryIO", stream), 1 << 16)
    for _ in range(200):
        next(pieces)
    assert stream.taken < (4 << 20) + (200 << 16) + (1 << 20)


def test_positions_follow_their_piece_and_a_page_that_goes_on_is_named_again() -> None:
    text = "first page\n\n" + "second page " * 8 + "\n\nthird page"
    positions = (
        Position("page", "1", 0),
        Position("page", "2", 12),
        Position("table", "1", 14),
        Position("page", "3", 110),
    )
    pieces = list(cut_text(text, 60, positions))
    assert [[(each.kind, each.label, each.start) for each in piece.positions] for piece in pieces] == [
        [("page", "1", 0), ("page", "2", 12), ("table", "1", 14)],
        [("page", "2", 0), ("page", "3", 110 - pieces[1].start)],
    ]
    assert pieces[1].text.encode()[110 - pieces[1].start :] == b"third page"
