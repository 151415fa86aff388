"""The Document: a text that keeps its identity from the file it came from to the tokens it became.

`doc_id` is a hash of where the text lies and of the text itself, so the same file gives the same ids on every
machine. A long file becomes several documents with one `parent_id`. `byte_start` and `byte_end` are its span in the
file where the text stands in the file as it is (text, Markdown, code, tables, JSON), and in the UTF-8 bytes of the
extracted text where it had to be extracted (PDF, Office, HTML).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from ingot.core.errors import InputError
from ingot.flow.source import SourceItem

_ID_BYTES = 16

SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("parent_id", pa.string()),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("byte_start", pa.int64(), nullable=False),
        pa.field("byte_end", pa.int64(), nullable=False),
        pa.field("media_type", pa.string(), nullable=False),
        pa.field("parser", pa.string(), nullable=False),
        pa.field("licence", pa.string()),
        pa.field("owner", pa.string()),
        pa.field("access", pa.list_(pa.string()), nullable=False),
        pa.field("retention", pa.string()),
        pa.field("modified", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Document:
    """One text with its identity. `access` says who may see it, `retention` is a date, `modified` a time in seconds."""

    doc_id: str
    parent_id: str | None
    uri: str
    text: str
    byte_start: int
    byte_end: int
    media_type: str
    parser: str
    licence: str | None = None
    owner: str | None = None
    access: tuple[str, ...] = ()
    retention: str | None = None
    modified: float | None = None

    def as_row(self) -> dict[str, Any]:
        """Return the document as a row of SCHEMA, which is JSON-able too."""
        return {**asdict(self), "access": list(self.access)}


@dataclass(frozen=True)
class Piece:
    """A stretch of text and its byte span, on its way to become a Document."""

    text: str
    start: int
    end: int


def document_id(uri: str, start: int, end: int, content: str) -> str:
    """Return the first 16 bytes, as hex, of SHA-256 over the place and the content hash."""
    return hashlib.sha256(f"{uri}\0{start}\0{end}\0{content}".encode()).hexdigest()[: 2 * _ID_BYTES]


def text_hash(text: str) -> str:
    """Return the SHA-256 of a text as hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def as_documents(
    pieces: Iterator[Piece], item: SourceItem, *, media_type: str, parser: str, licence: str | None = None
) -> Iterator[Document]:
    """Turn the pieces of one item into Documents; more than one piece share the item as their parent.

    Raises InputError when no piece holds anything but white space.
    """
    parent = document_id(item.uri, 0, item.bytes, item.sha256)
    filled = (piece for piece in pieces if piece.text.strip())
    first, second = next(filled, None), next(filled, None)
    if first is None:
        raise InputError("there is no text in it", fix="nothing, if it is meant to be blank; otherwise check the file")
    parent_id = None if second is None else parent
    for piece in _chain(first, second, filled):
        yield Document(
            doc_id=document_id(item.uri, piece.start, piece.end, text_hash(piece.text)),
            parent_id=parent_id,
            uri=item.uri,
            text=piece.text,
            byte_start=piece.start,
            byte_end=piece.end,
            media_type=media_type,
            parser=parser,
            licence=licence,
            modified=item.modified,
        )


def _chain(first: Piece, second: Piece | None, rest: Iterator[Piece]) -> Iterator[Piece]:
    yield first
    if second is not None:
        yield second
        yield from rest


def from_row(row: Mapping[str, Any]) -> Document:
    """Read back :meth:`Document.as_row`."""
    return Document(**{**row, "access": tuple(row["access"])})
