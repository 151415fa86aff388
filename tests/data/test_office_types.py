"""Office files are known by their bytes."""

from __future__ import annotations

import pytest

from ingot.data import office_types
from ingot.data.office_types import PARSER_OF, office_type
from tests.data.samples import docx_bytes, epub_bytes, odp_bytes, packed, pptx_bytes, xlsx_bytes


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (docx_bytes("x"), office_types.DOCX),
        (xlsx_bytes(A=[["x"]]), office_types.XLSX),
        (pptx_bytes(("a", "b", "")), office_types.PPTX),
        (odp_bytes(""), office_types.ODP),
        (epub_bytes("x"), office_types.EPUB),
        (rb"{\rtf1 x}", office_types.RTF),
        (b"\xd0\xcf\x11\xe0" + bytes(600) + "WordDocument".encode("utf-16-le"), office_types.DOC),
        (b"\xd0\xcf\x11\xe0" + bytes(600) + "Workbook".encode("utf-16-le"), office_types.XLS),
        (b"\xd0\xcf\x11\xe0" + bytes(600), ""),
        (packed({"a.txt": "x"}), ""),
        (b"%PDF-1.7", ""),
        (b"", ""),
    ],
)
def test_kinds(payload: bytes, expected: str) -> None:
    assert office_type(payload) == expected
    assert not expected or expected in PARSER_OF
