"""Plain text: notes, logs, reStructuredText, anything readable without a parser of its own.

The encoding is found, line ends become uniform, and a file of any length is cut into pieces in bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.data.cutting import text_pieces
from ingot.data.document import Document, as_documents
from ingot.flow.source import SourceItem


@dataclass(frozen=True)
class Config:
    """Settings of the text parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = (
        "txt",
        "text",
        "log",
        "rst",
        "adoc",
        "asciidoc",
        "org",
        "po",
        "bib",
        "textile",
        "wiki",
    )
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the text as one Document, or as pieces with exact byte spans when it is long."""
    pieces = text_pieces(stream, config.piece_bytes)
    return as_documents(pieces, item, media_type="text/plain", parser="text")
