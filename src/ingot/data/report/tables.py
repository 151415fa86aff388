"""The tables of a dataset as a report reads them: every column but the long ones, and the size of each text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.core.tables import parts, read_batches
from ingot.data.explore import TABLES

SIZE = "bytes"  # of a text in UTF-8
_LEFT_OUT = frozenset({"text", "positions", "parent_id", "byte_start", "byte_end", "modified", "version"})


@dataclass(frozen=True, eq=False)
class Part:
    """The documents of one file: the table they are in, and their rows without texts."""

    table: str
    path: Path
    rows: pa.Table

    def taken(self, is_wanted: pa.Array | pa.ChunkedArray) -> Part:
        """Return some of the documents."""
        return Part(self.table, self.path, self.rows.filter(is_wanted))


def read(dataset: Path) -> Iterator[Part]:
    """Yield the files of train, held_out and dropped. Memory is that of one file without its texts."""
    for table in TABLES:
        for path in parts(dataset, table):
            yield Part(table, path, _without_texts(path))


def _without_texts(path: Path) -> pa.Table:
    schema = pq.read_schema(path)
    kept = [(field.name, field.type) for field in schema if field.name not in _LEFT_OUT]
    names = [name for name, _ in kept]
    batches = []
    for batch in read_batches(path, [*names, "text"]):
        sizes = pc.binary_length(batch.column("text")).cast(pa.int64())
        batches.append(pa.record_batch([*(batch.column(name) for name in names), sizes], names=[*names, SIZE]))
    return pa.Table.from_batches(batches, pa.schema([*kept, (SIZE, pa.int64())]))
