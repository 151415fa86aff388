"""Markdown: text whose front matter and embedded pictures are not prose.

YAML front matter is settings for a site generator, and a picture written into the text as base64 can be longer than the
page: both go, the rest stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from ingot.data.cutting import text_pieces
from ingot.data.document import Document, Piece, as_documents
from ingot.flow.source import SourceItem

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?:[^\n]*\n){0,400}?(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_FIRST_FIELD = re.compile(r"\A---[ \t]*\n(?:\s*\n|#[^\n]*\n)*[A-Za-z_][\w .-]*:")
_EMBEDDED = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/=\s]{64,}")


@dataclass(frozen=True)
class Config:
    """Settings of the Markdown parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = ("md", "markdown", "mdx", "mdown", "mkd", "rmd", "qmd")
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the page as one Document, or as pieces when it is long."""
    pieces = _cleaned(text_pieces(stream, config.piece_bytes))
    return as_documents(pieces, item, media_type="text/markdown", parser="markdown")


def _cleaned(pieces: Iterator[Piece]) -> Iterator[Piece]:
    for number, piece in enumerate(pieces):
        text = _EMBEDDED.sub("", piece.text)
        yield replace(piece, text=_without_front_matter(text) if number == 0 else text)


def _without_front_matter(text: str) -> str:
    # A page may also begin with a horizontal rule: only a field name makes it front matter.
    return _FRONT_MATTER.sub("", text, count=1) if _FIRST_FIELD.match(text) else text
