"""Annotate one shard: every document's statistics, findings, fingerprint and sketch, and what transforms change in it.

The texts themselves are not kept here: the next pass reads the documents again and makes the same changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.core.tables import count_rows, read_batches
from ingot.data.annotations import Annotation, annotate, filters
from ingot.data.batch import TextBatch
from ingot.data.dedup import exact
from ingot.data.edits import Change
from ingot.data.transforming import choose, transformed
from ingot.flow.tasks import TaskContext

ANNOTATIONS = "annotations"
# Columns that describe a document to the judgement but are no statistics of it.
OWN_COLUMNS = ("doc_id", "parent_id", "parser", "bytes", "fingerprint", "is_sketched", "signature", "changes")
_ROWS_IN_GROUP = 4096
_CHANGE = pa.struct(
    [
        pa.field("transform", pa.string()),
        pa.field(
            "edits",
            pa.list_(
                pa.struct([("start", pa.int64()), ("end", pa.int64()), ("text", pa.string()), ("why", pa.string())])
            ),
        ),
    ]
)


def annotate_shard(request: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Annotate one file of documents into annotations.parquet; return the meaning of its columns.

    Request: `documents` (a path), `transforms`, `states`, `filters`, `inputs` as in data/pipeline.
    """
    documents = Path(request["documents"])
    transforms = choose(request["transforms"], request["states"])
    chosen = filters(request["filters"])
    inputs = {name: Path(path) for name, path in request["inputs"].items()}
    total, done = count_rows(documents), 0
    kinds: list[dict[str, Any]] = []
    with _Writer(context.folder / f"{ANNOTATIONS}.parquet") as writer:
        for rows in read_batches(documents):
            batch, changes = transformed(TextBatch(rows, inputs), transforms)
            annotations = annotate(batch, chosen)
            writer.write(_table(batch, annotations, changes))
            kinds = kinds or [_kind(annotation) for annotation in annotations]
            done += len(batch)
            context.emit("progress", done=done, total=total, unit="documents")
    return {"documents": done, "annotations": kinds}


def _kind(annotation: Annotation) -> dict[str, Any]:
    return {name: getattr(annotation, name) for name in ("column", "flag", "tail", "least_spread")}


def _table(batch: TextBatch, annotations: Sequence[Annotation], changes: Sequence[tuple[Change, ...]]) -> pa.Table:
    statistics = batch.statistics
    places = statistics.signatures.shape[1]
    own = {
        "doc_id": batch.rows.column("doc_id"),
        "parent_id": batch.rows.column("parent_id"),
        "parser": batch.rows.column("parser"),
        "bytes": pc.binary_length(batch.texts).cast(pa.int64()),
        "fingerprint": pa.array([exact.fingerprint(text) for text in batch.strings], pa.binary(16)),
        "is_sketched": pa.array(statistics.is_sketched),
        "signature": pa.FixedSizeListArray.from_arrays(pa.array(statistics.signatures.ravel()), places),
        "changes": pa.array([[change.as_literals() for change in each] for each in changes], pa.list_(_CHANGE)),
    }
    return pa.table(own | {annotation.column: as_column(annotation.values) for annotation in annotations})


def as_column(values: Sequence[str | None] | np.ndarray[Any, Any]) -> pa.Array:
    """Return an annotation's values as a column: words as strings, numbers and yes or no as they are."""
    return pa.array(values) if isinstance(values, np.ndarray) else pa.array(values, pa.string())


class _Writer:
    """Writes tables as row groups of a few thousand rows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: pq.ParquetWriter | None = None
        self._held: list[pa.Table] = []

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        if self._file is not None:
            self._file.close()

    def write(self, table: pa.Table) -> None:
        self._held.append(table)
        if sum(len(held) for held in self._held) >= _ROWS_IN_GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        table = pa.concat_tables(self._held)
        if self._file is None:
            self._file = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._file.write_table(table)
        self._held = []


def read_changes(column: pa.Array) -> Iterator[tuple[Change, ...]]:
    """Read back the `changes` of documents."""
    from ingot.data.edits import from_literals

    for each in column.to_pylist():
        yield tuple(from_literals(change) for change in each)
