"""The Document: a text that keeps its identity from the file it came from to the tokens it became.

`doc_id` is a hash of where the text lies and of the text itself, so the same file gives the same ids on every
machine. A long file becomes several documents with one `parent_id`. `byte_start` and `byte_end` are its span in the
file where the text stands in the file as it is (text, Markdown, code, tables, JSON), and in the UTF-8 bytes of the
extracted text where it had to be extracted (PDF, Office, HTML).

`positions` leads back to a place a person can open: page 7, the sheet "Costs", the third table. Each begins at a byte
of the document's own text, as it was read. A file inside a file (an attachment, a member of an archive) has the name
`mail.eml!/offer.pdf`, and what it came in as its parent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, BinaryIO

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
        pa.field("version", pa.string()),
        pa.field("region", pa.string()),
        pa.field(
            "positions",
            pa.list_(pa.struct([("kind", pa.string()), ("label", pa.string()), ("start", pa.int64())])),
            nullable=False,
        ),
    ]
)


@dataclass(frozen=True)
class Position:
    """Where a page, slide, sheet or table (`kind`) of this name or number begins: a byte of the UTF-8 text."""

    kind: str
    label: str
    start: int


@dataclass(frozen=True)
class Document:
    """One text with its identity.

    `access` says who may see it, `retention` is a date, `modified` a time in seconds, `version` the source's own word
    for the state it was read in, `region` where it may be kept.
    """

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
    version: str | None = None
    region: str | None = None
    positions: tuple[Position, ...] = ()

    def as_row(self) -> dict[str, Any]:
        """Return the document as a row of SCHEMA, which is JSON-able too."""
        row = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**row, "access": list(self.access), "positions": [vars(position) for position in self.positions]}


@dataclass(frozen=True)
class Piece:
    """A stretch of text, its byte span and the positions in it, on its way to become a Document."""

    text: str
    start: int
    end: int
    positions: tuple[Position, ...] = ()


@dataclass(frozen=True)
class Member:
    """A file inside the file a parser reads: its name there, and its bytes as a stream that can be read again."""

    name: str
    stream: BinaryIO
    bytes: int
    modified: float | None = None


@dataclass(frozen=True)
class Unreadable:
    """A file inside the file a parser reads that cannot be had: its name there, and the reason."""

    name: str
    reason: InputError


# What a parser yields.
Parsed = Document | Member | Unreadable


def document_id(uri: str, start: int, end: int, content: str) -> str:
    """Return the first 16 bytes, as hex, of SHA-256 over the place and the content hash."""
    return hashlib.sha256(f"{uri}\0{start}\0{end}\0{content}".encode()).hexdigest()[: 2 * _ID_BYTES]


def item_id(item: SourceItem) -> str:
    """Return the id of a whole file: the parent of the documents it is cut into and of the files in it."""
    return document_id(item.uri, 0, item.bytes, item.sha256)


def text_hash(text: str) -> str:
    """Return the SHA-256 of a text as hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def as_documents(
    pieces: Iterator[Piece], item: SourceItem, *, media_type: str, parser: str, licence: str | None = None
) -> Iterator[Document]:
    """Turn the pieces of one item into Documents; more than one piece share the item as their parent.

    Raises InputError when no piece holds anything but white space.
    """
    parent = item_id(item)
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
            version=item.version,
            region=item.region,
            positions=piece.positions,
        )


def _chain(first: Piece, second: Piece | None, rest: Iterator[Piece]) -> Iterator[Piece]:
    yield first
    if second is not None:
        yield second
        yield from rest


def is_row(value: Any) -> bool:
    """Say whether a value from another process is a row of SCHEMA: every column is there, of its type."""
    if not isinstance(value, dict) or set(value) != set(SCHEMA.names):
        return False
    return all(_fits(value[field.name], field) for field in SCHEMA)


def _fits(value: Any, field: pa.Field) -> bool:
    if value is None:
        return bool(field.nullable)
    if pa.types.is_list(field.type):
        return isinstance(value, list) and all(_fits_in_list(each, field.type.value_type) for each in value)
    return _is_of(value, field.type)


def _fits_in_list(value: Any, kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind):
        return _is_of(value, kind)
    names = {inner.name: inner.type for inner in kind}
    is_alike = isinstance(value, dict) and set(value) == set(names)
    return is_alike and all(_is_of(value[name], inner) for name, inner in names.items())


def _is_of(value: Any, kind: pa.DataType) -> bool:
    if pa.types.is_string(kind):
        return isinstance(value, str) and (value.isascii() or _is_encodable(value))
    if pa.types.is_integer(kind):
        return type(value) is int and -(2**63) <= value < 2**63
    return type(value) in (int, float)


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def from_row(row: Mapping[str, Any]) -> Document:
    """Read back :meth:`Document.as_row`."""
    positions = tuple(Position(**position) for position in row["positions"])
    return Document(**{**row, "access": tuple(row["access"]), "positions": positions})
