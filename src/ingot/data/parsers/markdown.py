"""Markdown: text as it is, under the title its front matter gives it.

Front matter is settings for a site generator, and a picture written into the text as base64 can be longer than the
page: both go. A title that stands in no heading becomes one, and a licence becomes the document's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import BinaryIO

from ingot.data.cutting import text_pieces
from ingot.data.document import Document, as_documents
from ingot.data.front_matter import read_front_matter
from ingot.data.plain import without_embedded
from ingot.flow.source import SourceItem


@dataclass(frozen=True)
class Config:
    """Settings of the Markdown parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = ("md", "markdown", "mdx", "mdown", "mkd", "rmd", "qmd")
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the page as one Document, or as pieces when it is long."""
    pieces = text_pieces(stream, config.piece_bytes)
    first = next(pieces)
    page = read_front_matter(first.text)
    has_title = not page.title or page.title in page.text[: 2 * len(page.title) + 200]
    text = page.text if has_title else f"# {page.title}\n\n{page.text.lstrip()}"
    cleaned = (
        replace(piece, text=without_embedded(piece.text)) for piece in chain([replace(first, text=text)], pieces)
    )
    return as_documents(cleaned, item, media_type="text/markdown", parser="markdown", licence=page.licence)
