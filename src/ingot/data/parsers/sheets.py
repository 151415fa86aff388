"""Workbooks (Excel, OpenDocument and the old Excel format) as Markdown tables: a heading and a position each sheet.

Values stand as they were last computed. Empty rows and columns go, and titles above a table become paragraphs; see
data/grids. Hidden sheets are read like the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.data.document import Document
from ingot.data.extraction import office_documents
from ingot.data.office_types import ODS, XLS, XLSB, XLSX
from ingot.flow.source import SourceItem

MEDIA_TYPES = {
    **dict.fromkeys(("xlsx", "xlsm", "xltx", "xltm"), XLSX),
    **dict.fromkeys(("ods", "ots"), ODS),
    **dict.fromkeys(("xls", "xlt"), XLS),
    "xlsb": XLSB,
}


@dataclass(frozen=True)
class Config:
    """Settings of the sheets parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = tuple(MEDIA_TYPES)
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the text as one Document, or as pieces when it is long; `positions` names the sheets."""
    return office_documents(stream, item, config.piece_bytes, parser="sheets", media_types=MEDIA_TYPES)
