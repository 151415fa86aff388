"""Extraction keeps the text and drops what only a renderer needs; locked and damaged files get a reason."""

from __future__ import annotations

import io

import pytest

from ingot.core.errors import InputError
from ingot.data.extraction import extract, plain
from ingot.data.parsers.office import MEDIA_TYPES
from ingot.flow.source import SourceItem
from tests.data.samples import docx_bytes, pdf_bytes

PDF = "application/pdf"


def extracted(payload: bytes, media_type: str, name: str = "a") -> str:
    return extract(io.BytesIO(payload), SourceItem(name, name, len(payload), "", 0), media_type=media_type)


def test_pictures_links_and_escapes_become_plain() -> None:
    markdown = '![logo](media/a.png)See [the *law*](https://x.y/z_(1) "t") at \\<a@b.c\\>.\n\n\n\n1\\. next [1] (two)'
    assert plain(markdown) == "See the *law* at <a@b.c>.\n\n1. next [1] (two)"


def test_a_pdf_gives_its_text() -> None:
    assert extracted(pdf_bytes("Hello brave world"), PDF) == "Hello brave world"


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
