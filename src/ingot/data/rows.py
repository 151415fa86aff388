"""Rows of documents to and from Parquet, a batch at a time, so that no step ever holds a corpus in memory.

Writer settings are fixed and row groups are cut by bytes of text, which makes the file a function of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingot.core.storage import room_on_disk

_GROUP_BYTES = 16 << 20
_GROUP_ROWS = 16 << 10
_BATCH_ROWS = 512


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


def read_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file in order, a batch in memory at a time."""
    for batch in read_batches(path, columns):
        yield from batch.to_pylist()


def read_batches(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file in order as record batches, never more than a row group in memory."""
    wanted = None if columns is None else list(columns)
    with pq.ParquetFile(path) as file:
        # A batch size in rows alone would gather hundreds of long documents; row groups are bounded in bytes.
        for group in range(file.num_row_groups):
            yield from file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group], columns=wanted)


def count_rows(path: Path) -> int:
    """Return the number of rows from the file's footer."""
    return int(pq.read_metadata(path).num_rows)


def _repeated(schema: pa.Schema) -> list[str]:
    # A dictionary pays where values repeat; on texts and ids it only costs memory.
    return [field.name for field in schema if pa.types.is_string(field.type) and field.name not in ("doc_id", "text")]
