"""Tables of delimited text (CSV, TSV): rows as `column: value` lines, or a Document for each row that has a text
column.

The delimiter is the one that gives the most even columns. Rows keep their byte spans; rows without a text column are
packed into Documents up to the longest length, so that a table stays together.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from ingot.core.errors import InputError
from ingot.data.decoding import uniform_lines
from ingot.data.document import Document, Piece, as_documents
from ingot.data.lines import encoded_lines
from ingot.data.records import record_text, text_field
from ingot.flow.source import SourceItem

_DELIMITERS = ",;\t|"
_LOOKED_AT_LINES = 50
_MOST_CELL = 8 << 20


@dataclass(frozen=True)
class Config:
    """Settings of the table parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = ("csv", "tsv", "tab", "psv")
    piece_bytes: int = 1 << 20


@dataclass(frozen=True)
class _Row:
    cells: list[str]
    start: int
    end: int


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the table's rows as text: one Document a row with a text column, otherwise packed."""
    csv.field_size_limit(_MOST_CELL)
    delimiter = _delimiter([line.text for line in islice(encoded_lines(stream), _LOOKED_AT_LINES)])
    stream.seek(0)
    rows = (row for row in _rows(encoded_lines(stream), delimiter) if any(cell.strip() for cell in row.cells))
    return as_documents(_pieces(rows, config.piece_bytes), item, media_type="text/csv", parser="table")


def _delimiter(lines: Sequence[str]) -> str:
    return max(_DELIMITERS, key=lambda delimiter: _evenness(lines, delimiter))


def _evenness(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """Score a delimiter: the share of rows with the commonest number of columns (one scores 0), and that number."""
    rows = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter)
    try:
        widths = Counter(len(cells) for cells in rows if cells)
    except csv.Error:  # a cell too long to be one
        return 0.0, 0
    if not widths:
        return 0.0, 0
    width, like_it = widths.most_common(1)[0]
    return (like_it / widths.total(), width) if width > 1 else (0.0, 1)


def _rows(lines: Iterator[Piece], delimiter: str) -> Iterator[_Row]:
    start = end = 0

    def texts() -> Iterator[str]:
        nonlocal end
        for line in lines:
            end = line.end
            yield uniform_lines(line.text)

    reader = csv.reader(texts(), delimiter=delimiter)
    try:
        for cells in reader:
            yield _Row(cells, start, end)
            start = end
    except csv.Error as error:
        raise InputError(
            "a row of the table cannot be read",
            why=f"line {reader.line_num}: {error}; the rows before it were read",
            fix="look for a quotation mark that is never closed",
        ) from error


def _pieces(rows: Iterator[_Row], piece_bytes: int) -> Iterator[Piece]:
    first = next(rows, None)
    if first is None:
        return
    if not _is_header(first.cells):
        yield from _packed((Piece("  ".join(row.cells), row.start, row.end) for row in _with(first, rows)), piece_bytes)
        return
    names = [name.strip() for name in first.cells]
    records = (Piece(record_text(_record(names, row.cells)), row.start, row.end) for row in rows)
    yield from records if text_field(names) else _packed(records, piece_bytes, gap="\n\n")


def _with(first: _Row, rest: Iterator[_Row]) -> Iterator[_Row]:
    yield first
    yield from rest


def _is_header(cells: list[str]) -> bool:
    names = [cell.strip() for cell in cells]
    has_number = any(name.replace(".", "", 1).replace("-", "", 1).isdigit() for name in names)
    return all(names) and len(set(names)) == len(names) and not has_number


def _record(names: list[str], cells: list[str]) -> dict[str, str]:
    extra = [f"column {number + 1}" for number in range(len(names), len(cells))]
    return {name: cell.strip() for name, cell in zip([*names, *extra], cells, strict=False)}


def _packed(pieces: Iterator[Piece], piece_bytes: int, gap: str = "\n") -> Iterator[Piece]:
    held: list[Piece] = []
    size = 0
    for piece in pieces:
        length = len(piece.text.encode("utf-8", "replace")) + len(gap)
        if held and size + length > piece_bytes:
            yield Piece(gap.join(each.text for each in held), held[0].start, held[-1].end)
            held, size = [], 0
        held.append(piece)
        size += length
    if held:
        yield Piece(gap.join(piece.text for piece in held), held[0].start, held[-1].end)
