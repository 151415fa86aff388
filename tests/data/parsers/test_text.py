"""Plain text of any length and encoding."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from tests.data.samples import parse


def test_a_short_text_is_one_document() -> None:
    (document,) = parse("text", "a.txt", b"\xef\xbb\xbfHello\r\nworld\n")
    assert document.text == "Hello\nworld\n"
    assert document.parent_id is None
    assert (document.byte_start, document.byte_end) == (3, 16)
    assert document.modified == 1000.0


def test_a_long_line_becomes_pieces_with_exact_spans() -> None:
    payload = b"value=%d " * 100_000 % tuple(range(100_000))
    documents = parse("text", "app.log", payload, piece_bytes=1 << 16)
    assert len(documents) > 10
    assert len({document.parent_id for document in documents}) == 1
    assert all(document.text.encode() == payload[document.byte_start : document.byte_end] for document in documents)
    assert "".join(document.text for document in documents) == payload.decode()
    assert max(document.byte_end - document.byte_start for document in documents) <= 1 << 16


def test_binary_named_as_text_is_refused() -> None:
    with pytest.raises(InputError, match="not text"):
        parse("text", "a.txt", bytes(range(256)) * 10)
