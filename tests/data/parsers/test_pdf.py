"""PDF documents with a text layer."""

from __future__ import annotations

from tests.data.samples import parse, pdf_bytes


def test_a_page_gives_its_text() -> None:
    (document,) = parse("pdf", "paper.pdf", pdf_bytes("Hello brave world"))
    assert document.text == "Hello brave world"
    assert document.media_type == "application/pdf"
    assert (document.byte_start, document.byte_end) == (0, len("Hello brave world"))
