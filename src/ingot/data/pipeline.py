"""Curation: documents in, a dataset to train and to judge a model on out.

The story, in two passes over the documents:

1. measure: for every text its quality statistics, its fingerprint and its sketch (texts are not kept);
2. judge:   flag what lies far from the rest of the corpus, find exact and near duplicates, choose what is held out;
3. write:   each document to train, held_out or dropped, with its statistics, flags and the reason it was dropped.

Only repetition drops a document. Everything else is written down beside it, for a person or a recipe to act on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingot.core.errors import InputError
from ingot.core.events import Emit
from ingot.data.annotations import Annotation, Judged, annotate, filters, joined, judge
from ingot.data.config import CurateConfig
from ingot.data.dedup import exact
from ingot.data.document import SCHEMA, document_id, text_hash
from ingot.data.rows import RowWriter, count_rows, read_batches, read_rows
from ingot.data.similarity import Sketches, groups, join, sketch
from ingot.data.split import Split, cut_in_two, split

TRAIN_FILE = "train.parquet"
HELD_OUT_FILE = "held_out.parquet"
DROPPED_FILE = "dropped.parquet"
EXACT, NEAR = "exact duplicate", "near duplicate"

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """What is known about the documents, in their order, without their texts."""

    doc_ids: Sequence[str]
    parents: Sequence[str | None]
    parsers: Sequence[str]
    sizes: Integers
    fingerprints: Sequence[bytes]
    sketches: Sketches
    annotations: Sequence[Annotation]


@dataclass(frozen=True)
class Verdict:
    """What happens to the documents: the reason each dropped one is dropped for and the one it repeats; the split."""

    reasons: Sequence[str | None]
    repeats: Integers
    split: Split
    judged: Judged


def curate_documents(documents: Path, config: CurateConfig, folder: Path, emit: Emit) -> dict[str, Any]:
    """Turn documents.parquet into train, held_out and dropped.parquet in `folder` and return the facts.

    Raises InputError when there is less text than anything can be learned from.
    """
    total = count_rows(documents)
    measured = measure(documents, config, emit, total)
    reasons, repeats = find_duplicates(measured, config)
    kept = np.array([number for number, reason in enumerate(reasons) if reason is None], dtype=np.int64)
    require_enough(int(measured.sizes[kept].sum()), config.least_bytes)
    judged = judge(measured.annotations, measured.parsers)
    verdict = Verdict(reasons, repeats, hold_out(measured, kept, config), judged)
    return write(documents, folder, measured, verdict, emit)


def measure(documents: Path, config: CurateConfig, emit: Emit, total: int) -> Measured:
    """Read every text once and keep its measures."""
    chosen = filters(config.filters)
    doc_ids: list[str] = []
    parents: list[str | None] = []
    parsers: list[str] = []
    sizes: list[int] = []
    fingerprints: list[bytes] = []
    sketches: list[Sketches] = []
    annotations: list[list[Annotation]] = []
    for batch in read_batches(documents, ("doc_id", "parent_id", "parser", "text")):
        ids, parent_ids, parser_names, texts = (column.to_pylist() for column in batch.columns)
        doc_ids += ids
        parents += parent_ids
        parsers += parser_names
        sizes += [len(text.encode("utf-8")) for text in texts]
        fingerprints += map(exact.fingerprint, texts)
        sketches.append(sketch(texts, config.near.seed))
        annotations.append(annotate(texts, chosen))
        emit("progress", done=len(doc_ids), total=total, unit="documents")
    sizes_array = np.array(sizes, dtype=np.int64)
    return Measured(doc_ids, parents, parsers, sizes_array, fingerprints, join(sketches), joined(annotations))


def find_duplicates(measured: Measured, config: CurateConfig) -> tuple[list[str | None], Integers]:
    """Return for every document why it is dropped (None: it stays) and the number of the one that stays instead."""
    own = np.arange(len(measured.doc_ids))
    same = exact.first_of_each(measured.fingerprints)
    similar = groups(measured.sketches, config.near.similarity)
    first = np.minimum(same, similar)
    # The first of an exact group may itself be near an earlier document: what stays is at the end of that chain.
    while (first[first] != first).any():
        first = first[first]
    reasons = [
        EXACT if same[number] != number else NEAR if first[number] != number else None for number in own.tolist()
    ]
    return reasons, first


def hold_out(measured: Measured, kept: Integers, config: CurateConfig) -> Split:
    """Split the documents that stay; numbers in the result are those of all documents."""
    chosen = split(
        groups(measured.sketches.take(kept), config.split.similarity),
        [measured.parents[number] for number in kept],
        measured.sizes[kept],
        [measured.fingerprints[number] for number in kept],
        config.split,
    )
    is_held_out = np.zeros(len(measured.doc_ids), np.bool_)
    is_held_out[kept] = chosen.is_held_out
    return Split(is_held_out, None if chosen.cut is None else int(kept[chosen.cut]))


def require_enough(text_bytes: int, least_bytes: int) -> None:
    """Raise InputError when there is too little text."""
    if text_bytes < least_bytes:
        raise InputError(
            f"there are only {text_bytes:,} bytes of text",
            why=f"a model cannot be trained and judged on less than {least_bytes:,} bytes",
            fix=f"add documents: {least_bytes:,} bytes of text work, a useful model wants millions",
        )


def write(documents: Path, folder: Path, measured: Measured, verdict: Verdict, emit: Emit) -> dict[str, Any]:
    """Read every document once more, write it where it belongs, and return the facts."""
    schema = dataset_schema(measured.annotations)
    dropped_schema = schema.append(pa.field("reason", pa.string())).append(pa.field("duplicate_of", pa.string()))
    total = len(measured.doc_ids)
    with ExitStack() as files:
        train = files.enter_context(RowWriter(folder / TRAIN_FILE, schema))
        held_out = files.enter_context(RowWriter(folder / HELD_OUT_FILE, schema))
        dropped = files.enter_context(RowWriter(folder / DROPPED_FILE, dropped_schema))
        for number, row in enumerate(annotated(documents, verdict.judged)):
            reason = verdict.reasons[number]
            if reason is not None:
                dropped.write({**row, "reason": reason, "duplicate_of": measured.doc_ids[verdict.repeats[number]]})
            elif number == verdict.split.cut:
                beginning, end = cut_row(row)
                train.write(beginning)
                held_out.write(end)
            else:
                (held_out if verdict.split.is_held_out[number] else train).write(row)
            if (number + 1) % 1000 == 0 or number + 1 == total:
                emit("progress", done=number + 1, total=total, unit="documents written")
    return {
        "documents_in": total,
        "documents_kept": total - dropped.rows,
        "dropped_by_reason": dict(sorted(Counter(filter(None, verdict.reasons)).items())),
        "dropped_bytes": dropped.text_bytes,
        "train_documents": train.rows,
        "train_bytes": train.text_bytes,
        "held_out_documents": held_out.rows,
        "held_out_bytes": held_out.text_bytes,
        "held_out_by": "document" if verdict.split.cut is None else "end of the longest document",
        "flags": dict(sorted(Counter(flag for flags in verdict.judged.flags for flag in flags).items())),
        "thresholds": verdict.judged.thresholds,
    }


def dataset_schema(annotations: Sequence[Annotation]) -> pa.Schema:
    """Return the schema of a dataset: a Document, its statistics and its flags."""
    statistics = [pa.field(annotation.column, pa.float32()) for annotation in annotations]
    return pa.schema([*SCHEMA, *statistics, pa.field("flags", pa.list_(pa.string()))])


def annotated(documents: Path, judged: Judged) -> Iterator[dict[str, Any]]:
    """Yield the rows of the documents with their statistics and flags."""
    for number, row in enumerate(read_rows(documents)):
        statistics = {column: float(values[number]) for column, values in judged.columns.items()}
        yield {**row, **statistics, "flags": list(judged.flags[number])}


def cut_row(row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cut a document in two, the second part to be held out; both keep the whole as their parent."""
    beginning, end = cut_in_two(row["text"])
    # Exact where the text stands in the file as it is; elsewhere both keep the span of the whole.
    is_exact = len(row["text"].encode("utf-8")) == row["byte_end"] - row["byte_start"]
    place = row["byte_start"] + len(beginning.encode("utf-8"))
    spans = (
        [(row["byte_start"], place), (place, row["byte_end"])]
        if is_exact
        else [(row["byte_start"], row["byte_end"])] * 2
    )
    first, second = (
        {
            **row,
            "text": text,
            "byte_start": start,
            "byte_end": stop,
            "parent_id": row["parent_id"] or row["doc_id"],
            "doc_id": document_id(row["uri"], start, stop, text_hash(text)),
        }
        for text, (start, stop) in zip((beginning, end), spans, strict=True)
    )
    return first, second
