"""Presentations (PowerPoint, OpenDocument, the old PowerPoint format) as Markdown: a heading and a position each slide.

Tables and the words of charts are kept, and what the speaker noted under a slide stands below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.data.document import Document
from ingot.data.extraction import office_documents
from ingot.data.office_types import ODP, PPT, PPTX
from ingot.flow.source import SourceItem

MEDIA_TYPES = {
    **dict.fromkeys(("pptx", "pptm", "ppsx", "ppsm", "potx", "potm"), PPTX),
    **dict.fromkeys(("odp", "otp"), ODP),
    **dict.fromkeys(("ppt", "pps", "pot"), PPT),
}


@dataclass(frozen=True)
class Config:
    """Settings of the slides parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = tuple(MEDIA_TYPES)
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the text as one Document, or as pieces when it is long; `positions` names the slides by number."""
    return office_documents(stream, item, config.piece_bytes, parser="slides", media_types=MEDIA_TYPES)
