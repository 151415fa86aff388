"""Electronic books (EPUB) as Markdown, chapter after chapter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.data.document import Document
from ingot.data.extraction import office_documents
from ingot.data.office_types import EPUB
from ingot.flow.source import SourceItem

MEDIA_TYPES = {"epub": EPUB}


@dataclass(frozen=True)
class Config:
    """Settings of the book parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = tuple(MEDIA_TYPES)
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the book as one Document, or as pieces when it is long; spans are in the extracted text."""
    return office_documents(stream, item, config.piece_bytes, parser="book", media_types=MEDIA_TYPES)
