"""Rows of documents to Parquet, a row group at a time, so that no step ever holds a corpus in memory.

Writer settings are fixed and row groups are cut by bytes of text, which makes the file a function of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.core.storage import room_on_disk

_GROUP_BYTES = 16 << 20
_GROUP_ROWS = 16 << 10


class RowWriter:
    """Writes rows of a schema that has a `text` column; counts rows and UTF-8 bytes of text."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self.text_bytes = 0
        self._path = path
        self._schema = schema
        self._held: list[Mapping[str, Any]] = []
        self._held_bytes = 0
        self._file = pq.ParquetWriter(
            path, schema, compression="zstd", compression_level=3, use_dictionary=_repeated(schema)
        )

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with room_on_disk(self._path.parent):
            if kind is None:
                self._flush()
            self._file.close()

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row; it reaches the disk with its row group."""
        size = len(row["text"].encode("utf-8"))
        self._held.append(row)
        self._held_bytes += size
        self.rows += 1
        self.text_bytes += size
        if self._held_bytes >= _GROUP_BYTES or len(self._held) >= _GROUP_ROWS:
            with room_on_disk(self._path.parent):
                self._flush()

    def _flush(self) -> None:
        if self._held:
            self._file.write_table(pa.Table.from_pylist(self._held, schema=self._schema))
        self._held, self._held_bytes = [], 0


class TableWriter:
    """Writes tables of a schema that has a `text` column; counts rows and UTF-8 bytes of text."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self.rows = 0
        self.text_bytes = 0
        self._path = path
        self._held: list[pa.Table] = []
        self._held_rows = self._held_bytes = 0
        self._file = pq.ParquetWriter(
            path, schema, compression="zstd", compression_level=3, use_dictionary=_repeated(schema)
        )

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with room_on_disk(self._path.parent):
            if kind is None:
                self._flush()
            self._file.close()

    def write(self, table: pa.Table) -> None:
        """Add rows; they reach the disk with their row group."""
        size = int(pc.sum(pc.binary_length(table["text"])).as_py() or 0)
        self._held.append(table)
        self._held_rows += len(table)
        self._held_bytes += size
        self.rows += len(table)
        self.text_bytes += size
        if self._held_bytes >= _GROUP_BYTES or self._held_rows >= _GROUP_ROWS:
            with room_on_disk(self._path.parent):
                self._flush()

    def _flush(self) -> None:
        if self._held_rows:
            table = pa.concat_tables(self._held)
            self._file.write_table(table, row_group_size=len(table))
        self._held, self._held_rows, self._held_bytes = [], 0, 0


def _repeated(schema: pa.Schema) -> list[str]:
    # A dictionary pays where values repeat; on texts and ids it only costs memory.
    return [field.name for field in schema if pa.types.is_string(field.type) and field.name not in ("doc_id", "text")]
