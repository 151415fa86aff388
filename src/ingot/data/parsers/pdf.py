"""PDF documents with a text layer: headings, paragraphs and tables as Markdown.

A scan without text is refused with that reason rather than becoming an empty document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.data.cutting import cut_text
from ingot.data.document import Document, as_documents
from ingot.data.extraction import extract
from ingot.flow.source import SourceItem

MEDIA_TYPE = "application/pdf"


@dataclass(frozen=True)
class Config:
    """Settings of the PDF parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = ("pdf",)
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the text as one Document, or as pieces when it is long; spans are in the extracted text."""
    text = extract(stream, item, media_type=MEDIA_TYPE)
    return as_documents(cut_text(text, config.piece_bytes), item, media_type=MEDIA_TYPE, parser="pdf")
