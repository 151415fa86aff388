"""Jupyter notebooks as Markdown: prose and code in their order, each cell with a position.

Results stay out: they are numbers and pictures that running the code brings back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from ingot.core.errors import InputError
from ingot.data.cutting import cut_text
from ingot.data.decoding import decode, uniform_lines
from ingot.data.document import Document, Position, as_documents
from ingot.data.lines import without_broken
from ingot.data.plain import without_embedded
from ingot.flow.source import SourceItem

_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Config:
    """Settings of the notebook parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = ("ipynb",)
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the notebook as one Document, or as pieces when it is long; `positions` counts the cells."""
    text, positions = _text(_read(stream, item))
    pieces = cut_text(text, config.piece_bytes, positions)
    return as_documents(pieces, item, media_type="application/x-ipynb+json", parser="notebook")


def _read(stream: BinaryIO, item: SourceItem) -> dict[str, Any]:
    if item.bytes > _MOST_BYTES:
        raise InputError("it is too large for a notebook", fix="clear its results and save it again")
    try:
        notebook = json.loads(decode(stream.read()))
    except (ValueError, RecursionError) as error:
        raise InputError("it is not a notebook", why=str(error), fix="open it in Jupyter and save it again") from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells", notebook.get("worksheets")), list):
        raise InputError("it is not a notebook", why="it has no cells", fix="give it the ending .json")
    return notebook


def _text(notebook: dict[str, Any]) -> tuple[str, list[Position]]:
    parts: list[str] = []
    positions: list[Position] = []
    place = 0
    language = _language(notebook)
    for number, cell in enumerate(_cells(notebook), start=1):
        text = _cell_text(cell, language)
        if text:
            positions.append(Position("cell", str(number), place))
            parts.append(text)
            place += len(text.encode("utf-8")) + len("\n\n")
    return "\n\n".join(parts), positions


def _cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cells; the third version of the format kept them in worksheets."""
    sheets = notebook["worksheets"] if "cells" not in notebook else [notebook]
    for sheet in sheets:
        cells = sheet.get("cells") if isinstance(sheet, dict) else None
        yield from (cell for cell in (cells if isinstance(cells, list) else []) if isinstance(cell, dict))


def _cell_text(cell: dict[str, Any], language: str) -> str:
    source = _joined(cell.get("source", cell.get("input", "")))
    if cell.get("cell_type") == "code":
        return f"```{language}\n{source.strip(chr(10))}\n```" if source.strip() else ""
    return without_embedded(source).strip()


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    info = metadata.get("language_info") if isinstance(metadata, dict) else None
    name = info.get("name", "") if isinstance(info, dict) else ""
    return name if isinstance(name, str) and name.isprintable() else ""


def _joined(source: Any) -> str:
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    return uniform_lines(without_broken(text))
