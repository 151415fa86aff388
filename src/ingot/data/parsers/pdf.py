"""PDF documents: headings, paragraphs and tables as Markdown, each page with a position.

Running heads and page numbers that repeat are left out. A scan without text is refused with that reason rather than
becoming an empty document, unless a recipe names languages for text recognition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.data.cutting import cut_text
from ingot.data.document import Document, as_documents
from ingot.data.extraction import extract, picture_settings
from ingot.data.recognition import pictures
from ingot.flow.source import SourceItem

MEDIA_TYPE = "application/pdf"


@dataclass(frozen=True)
class Config:
    """Settings of the PDF parser: which name endings are its own, and the longest document in bytes.

    `languages` and `models` are those of the image parser, for pages that are pictures; empty: they are not read.
    """

    extensions: tuple[str, ...] = ("pdf",)
    piece_bytes: int = 1 << 20
    languages: tuple[str, ...] = ()
    models: str = ""


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the text as one Document, or as pieces when it is long; `positions` counts the pages."""
    languages = tuple(config.languages)
    recognition = picture_settings(pictures(languages, config.models)) if languages else None
    found = extract(stream, item, media_type=MEDIA_TYPE, recognition=recognition)
    pieces = cut_text(found.text, config.piece_bytes, found.positions)
    return as_documents(pieces, item, media_type=MEDIA_TYPE, parser="pdf")
