"""JSON: one Document for each record of a JSON Lines file or of a JSON array, one for any other JSON file.

A record's `text` (or `content`, `body`, ...) field is its text; without one its fields become readable lines. Lines
that are not JSON do not cost the others: the good ones are read and the bad ones reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from ingot.core.errors import InputError
from ingot.data.cutting import cut_text
from ingot.data.decoding import decode, uniform_lines
from ingot.data.document import Document, Piece, as_documents
from ingot.data.lines import encoded_lines, without_broken
from ingot.data.records import as_text, record_text
from ingot.flow.source import SourceItem

_LINES = ("jsonl", "ndjson", "jsonlines")
_MOST_BYTES = 256 << 20
_SPACE = re.compile(r"[ \t\n\r,]*")


@dataclass(frozen=True)
class Config:
    """Settings of the JSON parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = (*_LINES, "json", "geojson")
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield a Document per record, with the record's byte span; a record that is too long is cut."""
    ending = item.uri.rpartition(".")[2].lower()
    records = _lines(stream) if ending in _LINES else _whole(stream, item)
    pieces = (part for piece in records for part in _bounded(piece, config.piece_bytes))
    return as_documents(_shallow(pieces), item, media_type="application/json", parser="jsonl")


def _shallow(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Pass pieces on, and say of values that lie too deep in one another that they do."""
    try:
        yield from pieces
    except RecursionError:
        raise InputError(
            "its values lie too deep in one another",
            why="hundreds of levels are no document, and often a mistake of the program that wrote it",
            fix="write it with fewer levels, or give it the ending .txt to read it as text",
        ) from None


def _lines(stream: BinaryIO) -> Iterator[Piece]:
    bad: list[int] = []
    for number, line in enumerate(encoded_lines(stream), start=1):
        if not line.text.strip():
            continue
        try:
            yield Piece(_text(json.loads(line.text)), line.start, line.end)
        except (ValueError, RecursionError):
            bad.append(number)
    if bad:
        raise InputError(
            "some lines are not JSON, or too deep in brackets",
            why=f"{len(bad)} of them, the first is line {bad[0]}; all others were read",
            fix="correct these lines, or give the file the ending .txt to read it as text",
        )


def _whole(stream: BinaryIO, item: SourceItem) -> Iterator[Piece]:
    if item.bytes > _MOST_BYTES:
        raise InputError("it is too large for one JSON value", fix="write one record per line, as .jsonl")
    text = decode(stream.read())
    try:
        value = json.loads(text)
    except ValueError as error:
        yield from _lines_after_all(stream, str(error))
        return
    if isinstance(value, list) and value and all(isinstance(record, dict) for record in value):
        yield from _array(text)
    else:
        yield Piece(_text(value), 0, item.bytes)


def _lines_after_all(stream: BinaryIO, problem: str) -> Iterator[Piece]:
    """Read a file named .json that holds JSON Lines, which is common."""
    stream.seek(0)
    first = next(encoded_lines(stream)).text
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        fix = "correct it, or give it the ending .txt to read it as text"
        raise InputError("it is not valid JSON", why=problem, fix=fix) from None
    stream.seek(0)
    yield from _lines(stream)


def _array(text: str) -> Iterator[Piece]:
    decoder = json.JSONDecoder()
    place = text.index("[") + 1
    position = len(text[:place].encode("utf-8", "replace"))
    while True:
        space = _SPACE.match(text, place)
        assert space is not None
        position += space.end() - place
        if text[space.end()] == "]":
            return
        value, end = decoder.raw_decode(text, space.end())
        size = len(text[space.end() : end].encode("utf-8", "replace"))
        yield Piece(_text(value), position, position + size)
        place, position = end, position + size


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return uniform_lines(without_broken(record_text(value)))
    if isinstance(value, list):
        return "\n".join(_text(each) for each in value)
    return uniform_lines(without_broken(as_text(value)))


def _bounded(piece: Piece, piece_bytes: int) -> Iterator[Piece]:
    if len(piece.text) * 4 <= piece_bytes or len(piece.text.encode("utf-8")) <= piece_bytes:
        yield piece
        return
    # Inside a record only the order is known, not the byte: parts get spans of their own within the record's.
    for part in cut_text(piece.text, piece_bytes):
        start = min(piece.start + part.start, piece.end)
        yield Piece(part.text, start, min(piece.start + part.end, piece.end))
