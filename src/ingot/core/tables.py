"""Tables of documents in Parquet: one file, or one in every shard folder, read a batch at a time.

An artifact that is made in pieces keeps each in a folder of its own, `shards/00000/train.parquet`. Whatever reads
Parquet reads them together with a pattern: `shards/*/train.parquet`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SHARDS_FOLDER = "shards"
_BATCH_ROWS = 512


def shard_name(number: int) -> str:
    """Return the name of a shard's folder.

    >>> shard_name(12)
    '00012'
    """
    return f"{number:05}"


def parts(artifact: Path, table: str) -> list[Path]:
    """Return the files of a table in the order of the shards; none when the artifact has no such table."""
    return sorted((artifact / SHARDS_FOLDER).glob(f"*/{table}.parquet"))


def read_batches(files: Sequence[Path] | Path, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of the files in order as record batches, never more than a row group in memory."""
    wanted = None if columns is None else list(columns)
    for path in [files] if isinstance(files, Path) else files:
        with pq.ParquetFile(path) as file:
            # A batch size in rows alone would gather hundreds of long documents; row groups are bounded in bytes.
            for group in range(file.num_row_groups):
                yield from file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group], columns=wanted)


def read_rows(files: Sequence[Path] | Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of the files in order, a batch in memory at a time."""
    for batch in read_batches(files, columns):
        yield from batch.to_pylist()


def count_rows(files: Sequence[Path] | Path) -> int:
    """Return the number of rows from the files' footers."""
    return sum(int(pq.read_metadata(path).num_rows) for path in ([files] if isinstance(files, Path) else files))
