"""PDF documents with a text layer."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from tests.data.samples import parse, pdf_bytes, tabled_pdf_bytes


def test_a_page_gives_its_text() -> None:
    (document,) = parse("pdf", "paper.pdf", pdf_bytes("Hello brave world"))
    assert document.text == "Hello brave world"
    assert document.media_type == "application/pdf"
    assert (document.byte_start, document.byte_end) == (0, len("Hello brave world"))


def test_pages_and_tables_have_positions() -> None:
    pages = [(f"This is page {number}.", [["a", "b"], ["1", str(number)]]) for number in (1, 2, 3)]
    documents = parse("pdf", "report.pdf", tabled_pdf_bytes(*pages), piece_bytes=70)
    found = [(each.kind, each.label) for document in documents for each in document.positions]
    assert [label for kind, label in found if kind == "table"] == ["1", "2", "3"]
    assert {label for kind, label in found if kind == "page"} == {"1", "2", "3"}
    assert "| 1 | 3 |" in documents[-1].text
    assert documents[-1].positions[0].kind == "page"


def test_languages_that_are_not_there_are_named() -> None:
    with pytest.raises(InputError, match="language data"):
        parse("pdf", "scan.pdf", pdf_bytes(""), languages=("xyz",))
