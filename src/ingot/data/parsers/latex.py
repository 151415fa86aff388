"""LaTeX sources as readable Markdown, with the formulas as they are written; see data/latex_markdown.

Each file is a document of its own: files it includes are read where they lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.data.cutting import cut_text
from ingot.data.decoding import decode
from ingot.data.document import Document, as_documents
from ingot.data.latex_markdown import latex_markdown
from ingot.flow.source import SourceItem


@dataclass(frozen=True)
class Config:
    """Settings of the LaTeX parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = ("tex", "latex", "ltx")
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the text as one Document, or as pieces when it is long; spans are in the extracted text."""
    pieces = cut_text(latex_markdown(decode(stream.read())), config.piece_bytes)
    return as_documents(pieces, item, media_type="application/x-latex", parser="latex")
