"""Written documents of Word, LibreOffice and their like: Word, OpenDocument, RTF and the old Word format, as Markdown.

Headings, lists, tables, footnotes and formulas are kept. Pages are not: a word processor breaks them anew on every
machine, so the headings lead to a place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.data.document import Document
from ingot.data.extraction import office_documents
from ingot.data.office_types import DOC, DOCX, ODT, RTF
from ingot.flow.source import SourceItem

MEDIA_TYPES = {
    **dict.fromkeys(("docx", "docm", "dotx", "dotm"), DOCX),
    **dict.fromkeys(("odt", "ott"), ODT),
    **dict.fromkeys(("doc", "dot"), DOC),
    "rtf": RTF,
}


@dataclass(frozen=True)
class Config:
    """Settings of the Office parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = tuple(MEDIA_TYPES)
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the text as one Document, or as pieces when it is long; spans are in the extracted text."""
    return office_documents(stream, item, config.piece_bytes, parser="office", media_types=MEDIA_TYPES)
