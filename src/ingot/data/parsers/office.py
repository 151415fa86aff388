"""Office files, books and e-mails: Word, PowerPoint, Excel, OpenDocument, RTF, EPUB, EML and MSG, as Markdown.

One library reads them all, so one file suffices; the name ending says which it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.data.cutting import cut_text
from ingot.data.document import Document, as_documents
from ingot.data.extraction import extract
from ingot.flow.source import SourceItem

_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument"
MEDIA_TYPES = {
    "docx": f"{_OPEN_XML}.wordprocessingml.document",
    "pptx": f"{_OPEN_XML}.presentationml.presentation",
    "xlsx": f"{_OPEN_XML}.spreadsheetml.sheet",
    "odt": f"{_OPEN_DOCUMENT}.text",
    "ods": f"{_OPEN_DOCUMENT}.spreadsheet",
    "odp": f"{_OPEN_DOCUMENT}.presentation",
    "rtf": "application/rtf",
    "epub": "application/epub+zip",
    "eml": "message/rfc822",
    "msg": "application/vnd.ms-outlook",
}


@dataclass(frozen=True)
class Config:
    """Settings of the Office parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = tuple(MEDIA_TYPES)
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the text as one Document, or as pieces when it is long; spans are in the extracted text."""
    media_type = MEDIA_TYPES.get(item.uri.rpartition(".")[2].lower(), MEDIA_TYPES["docx"])
    text = extract(stream, item, media_type=media_type)
    return as_documents(cut_text(text, config.piece_bytes), item, media_type=media_type, parser="office")
