"""Write one shard of a dataset: every document, changed as described, to the table its verdict names.

`train`, `held_out` and `dropped` have the columns of a Document, its statistics and findings, what is unusual about it,
the document it repeats, and what was changed in it; `dropped` also says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.core.tables import count_rows, read_batches
from ingot.data import judging
from ingot.data.annotating import OWN_COLUMNS, read_changes
from ingot.data.cutting import positions_within
from ingot.data.document import SCHEMA, Position, document_id, text_hash
from ingot.data.edits import RECORD, apply_all, cut_records, records
from ingot.data.rows import TableWriter
from ingot.data.split import cut_in_two
from ingot.flow.tasks import TaskContext

TABLES = (judging.TRAIN, judging.HELD_OUT, judging.DROPPED)


def write_shard(request: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Write train, held_out and dropped.parquet from `documents`, `annotations` and `verdict`, three paths.

    Return rows and bytes by table, and dropped documents and bytes by reason.
    """
    documents = Path(request["documents"])
    annotations, verdict = Ahead(Path(request["annotations"])), Ahead(Path(request["verdict"]))
    schema = dataset_schema(annotations.schema)
    dropped: Counter[str] = Counter()
    total, done = count_rows(documents), 0
    with ExitStack() as files:
        writers = {
            name: files.enter_context(TableWriter(context.folder / f"{name}.parquet", _schema_of(name, schema)))
            for name in TABLES
        }
        for batch in read_batches(documents):
            told = verdict.take(batch.num_rows)
            rows = _rows(batch, annotations.take(batch.num_rows), told)
            for name, writer in writers.items():
                writer.write(rows.filter(pc.equal(told["goes_to"], name)).select(writer.schema.names))
            for part, name in _cut(rows.filter(pc.equal(told["goes_to"], judging.CUT))):
                writers[name].write(part.select(writers[name].schema.names))
            dropped.update(filter(None, told["reason"].to_pylist()))
            done += batch.num_rows
            context.emit("progress", done=done, total=total, unit="documents")
    return {
        "rows": {name: writer.rows for name, writer in writers.items()},
        "bytes": {name: writer.text_bytes for name, writer in writers.items()},
        "dropped": dict(sorted(dropped.items())),
    }


def dataset_schema(annotations: pa.Schema) -> pa.Schema:
    """Return the columns of a dataset: a Document, its annotations, its flags, what it repeats, what was changed."""
    described = [
        pa.field(field.name, pa.float32() if pa.types.is_floating(field.type) else field.type)
        for field in annotations
        if field.name not in OWN_COLUMNS
    ]
    more = [
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        pa.field("duplicate_of", pa.string()),
        pa.field("changes", pa.list_(RECORD), nullable=False),
        pa.field("reason", pa.string()),
    ]
    return pa.schema([*SCHEMA, *described, *more])


def _schema_of(table: str, schema: pa.Schema) -> pa.Schema:
    if table == judging.DROPPED:
        return schema
    return schema.remove(schema.get_field_index("reason"))


def _rows(batch: pa.RecordBatch, annotations: pa.Table, verdict: pa.Table) -> pa.Table:
    changes = list(read_changes(annotations["changes"]))
    columns = {name: batch.column(name) for name in batch.schema.names}
    kept: list[list[dict[str, Any]]] = [[] for _ in changes]
    if any(changes):
        texts = batch.column("text").to_pylist()
        columns["text"] = pa.array(map(apply_all, texts, changes), pa.string())
        kept = list(map(records, texts, changes))
    schema = dataset_schema(annotations.schema)
    columns |= {name: annotations[name] for name in annotations.column_names if name not in OWN_COLUMNS}
    columns |= {name: verdict[name] for name in ("flags", "duplicate_of", "reason")}
    columns["changes"] = pa.array(kept, pa.list_(RECORD))
    return pa.table([_as(columns[field.name], field.type) for field in schema], schema=schema)


def _as(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    return column if column.type == kind else column.cast(kind)


def _cut(rows: pa.Table) -> Iterator[tuple[pa.Table, str]]:
    """Cut the one document of a corpus in two, so that its end can be held out."""
    for row in rows.to_pylist():
        for part, name in zip(cut_row(row), (judging.TRAIN, judging.HELD_OUT), strict=True):
            yield pa.Table.from_pylist([part], schema=rows.schema), name


def cut_row(row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cut a document in two, the second part to be held out; both keep the whole as their parent."""
    texts = cut_in_two(row["text"])
    first, second, place = cut_records(row["changes"], len(texts[0].encode("utf-8")))
    changes = (first, second)
    grown = sum(each["length"] - (each["end"] - each["start"]) for each in row["changes"])
    size = len(row["text"].encode("utf-8")) - grown
    positions = [Position(**each) for each in row["positions"]]
    parts = [
        {
            **row,
            "text": text,
            "byte_start": start,
            "byte_end": end,
            "parent_id": row["parent_id"] or row["doc_id"],
            "doc_id": document_id(row["uri"], start, end, text_hash(text)),
            "changes": own_changes,
            "positions": [vars(each) for each in positions_within(positions, *within)],
        }
        for text, (start, end), own_changes, within in zip(
            texts, _spans(row, size, place), changes, ((0, place), (place, size)), strict=True
        )
    ]
    return parts[0], parts[1]


def _spans(row: Mapping[str, Any], size: int, place: int) -> Sequence[tuple[int, int]]:
    """Return the halves' bytes in the file where the text stands in it as it is; else both have those of the whole."""
    start, end = row["byte_start"], row["byte_end"]
    return [(start, start + place), (start + place, end)] if size == end - start else [(start, end)] * 2


class Ahead:
    """Takes a file's rows in portions of any size, while another file's batches set the pace."""

    def __init__(self, path: Path) -> None:
        self.schema: pa.Schema = pq.read_schema(path)
        self._columns = [name for name in self.schema.names if name not in OWN_COLUMNS or name == "changes"]
        self._batches = read_batches(path, self._columns)
        self._held: list[pa.RecordBatch] = []

    def take(self, rows: int) -> pa.Table:
        """Return the next rows."""
        while sum(batch.num_rows for batch in self._held) < rows:
            self._held.append(next(self._batches))
        table = pa.Table.from_batches(self._held)
        self._held = table.slice(rows).to_batches()
        return table.slice(0, rows)


def summed(facts: Sequence[Mapping[str, Any]], key: str) -> dict[str, int]:
    """Add up one of the facts of all shards, name by name."""
    total: Counter[str] = Counter()
    for each in facts:
        total.update(each[key])
    return dict(sorted(total.items()))
