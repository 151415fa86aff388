"""Extraction keeps the text and drops what only a renderer needs; locked and damaged files get a reason."""

from __future__ import annotations

import io

import pytest

from ingot.core.errors import InputError
from ingot.data.document import Position
from ingot.data.extraction import Extracted, Section, _pages, assembled, extract
from ingot.data.parsers.office import MEDIA_TYPES
from ingot.flow.source import SourceItem
from tests.data.samples import docx_bytes, pdf_bytes, tabled_pdf_bytes

PDF = "application/pdf"


def extracted(payload: bytes, media_type: str, name: str = "a") -> Extracted:
    return extract(io.BytesIO(payload), SourceItem(name, name, len(payload), "", 0), media_type=media_type)


def at(found: Extracted, position: Position) -> str:
    """Return the text from a position on."""
    return found.text.encode("utf-8")[position.start :].decode("utf-8")


def test_a_pdf_gives_its_text() -> None:
    assert extracted(pdf_bytes("Hello brave world"), PDF).text == "Hello brave world"


def test_positions_lead_to_pages_and_tables() -> None:
    pages = [(f"This is page {number}, with a table.", [["Name", f"Value {number}"], ["a", "1"]]) for number in (1, 2)]
    found = extracted(tabled_pdf_bytes(*pages), PDF)
    assert [(each.kind, each.label) for each in found.positions] == [
        ("page", "1"),
        ("table", "1"),
        ("page", "2"),
        ("table", "2"),
    ]
    starts = [at(found, each).split("\n")[0] for each in found.positions]
    assert starts == [
        "This is page 1, with a table.",
        "| Name | Value 1 |",
        "This is page 2, with a table.",
        "| Name | Value 2 |",
    ]


def test_positions_count_bytes_not_characters() -> None:
    parts = [Section("page", "1", "größer"), Section("page", "2", ""), Section("page", "3", "| a |\n| - |\n| b |")]
    found = assembled(parts)
    assert found.text == "größer\n\n| a |\n| - |\n| b |"
    assert found.positions == (Position("page", "1", 0), Position("page", "3", 10), Position("table", "1", 10))


@pytest.mark.parametrize("number", ["7", "- 7 -", "Page 7 of 12", "Seite 7", "7/12"])
def test_a_page_number_is_no_text(number: str) -> None:
    pages = (f"The words of page {n}.\n\n{number}" for n in "ab")
    content = "".join(f"\ue0f0{n}\ue0f1{page}" for n, page in enumerate(pages, start=1))
    texts = [section.markdown for section in _pages(content, has_pages=True)]
    assert texts == ["", "The words of page a.", "The words of page b."]


@pytest.mark.parametrize(
    ("payload", "what"),
    [
        (pdf_bytes("secret", password="key"), "protected by a password"),
        (pdf_bytes("A page of text")[:400], "damaged or incomplete"),
        (pdf_bytes(""), "no text in it"),
        (b"", "the file is empty"),
        (b"%PDF-1.7 and nothing else", "damaged or incomplete"),
        (b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
    ],
    ids=["password", "torn", "scan", "empty", "rubbish", "locked office"],
)
def test_what_cannot_be_read_has_a_reason_and_a_fix(payload: bytes, what: str) -> None:
    with pytest.raises(InputError) as caught:
        extracted(payload, PDF)
    assert what in caught.value.what
    assert caught.value.fix


def test_a_scan_is_told_apart_from_a_torn_file() -> None:
    with pytest.raises(InputError) as caught:
        extracted(pdf_bytes(""), PDF)
    assert "scan" in caught.value.why
    assert "OCR" in caught.value.fix


def test_a_torn_office_file_is_damaged() -> None:
    payload = docx_bytes("A paragraph", "Another one")
    with pytest.raises(InputError, match="damaged"):
        extracted(payload[: len(payload) // 2], MEDIA_TYPES["docx"])
