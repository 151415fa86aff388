"""The passages of an index as files that are mapped: a passage costs one look, however many there are.

A document that is erased takes the index with it, which is known by the name of its table (data/erasure).

    text.bin          the text of all documents, one behind the other, in UTF-8
    spans.bin         of each passage: number of its document, first and last byte in it, first byte in text.bin
    indexed.parquet   of each document what it is known by, and its rights: doc_id, uri, licence, access, retention
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ingot.core.tables import read_batches
from ingot.data.document import SCHEMA
from ingot.data.erasure import INDEXED
from ingot.retrieve.passages import cut

TEXT_FILE, SPANS_FILE, DOCUMENTS_FILE = "text.bin", "spans.bin", INDEXED
COLUMNS = ("doc_id", "parent_id", "uri", "licence", "owner", "access", "retention", "region")
_KEPT = pa.schema([SCHEMA.field(name) for name in COLUMNS])
_ROW_GROUP = 1 << 16
SPAN = np.dtype([("document", "<u4"), ("start", "<i8"), ("end", "<i8"), ("at", "<i8")])

Spans = npt.NDArray[np.void]


@dataclass(frozen=True)
class Stored:
    """Passages on the disk, opened when first asked for."""

    folder: Path

    @cached_property
    def spans(self) -> Spans:
        """Of each passage what SPAN says."""
        return np.memmap(self.folder / SPANS_FILE, SPAN, "r")

    @cached_property
    def documents(self) -> pa.Table:
        """What the documents are known by, in the order of their numbers."""
        return pq.read_table(self.folder / DOCUMENTS_FILE)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each document by its id."""
        return {doc_id: number for number, doc_id in enumerate(self.documents["doc_id"].to_pylist())}

    @cached_property
    def _text(self) -> npt.NDArray[np.uint8]:
        return np.memmap(self.folder / TEXT_FILE, np.uint8, "r")

    def known_by(self, document: int) -> tuple[str, str]:
        """Return the id and the URI of a document."""
        return self.documents["doc_id"][document].as_py(), self.documents["uri"][document].as_py()

    def text(self, number: int) -> str:
        """Return the text of a passage."""
        span = self.spans[number]
        return self._text[int(span["at"]) : int(span["at"] + span["end"] - span["start"])].tobytes().decode()

    def document_text(self, document: int) -> str:
        """Return the passages of a document in order, a line each."""
        first, last = np.searchsorted(self.spans["document"], [document, document + 1]).tolist()
        return "\n".join(self.text(number) for number in range(first, last))


def write(files: Sequence[Path], folder: Path, passage_bytes: int) -> Iterator[bytes]:
    """Write the passages of all documents of some tables, and yield the text of each in order, as UTF-8."""
    spans: list[tuple[int, int, int, int]] = []
    known = at = 0
    with (
        (folder / TEXT_FILE).open("wb") as text_file,
        pq.ParquetWriter(folder / DOCUMENTS_FILE, _KEPT, compression="zstd") as writer,
    ):
        for batch in read_batches(files, ("text", *COLUMNS)):
            writer.write_batch(batch.select(COLUMNS), _ROW_GROUP)
            for document, value in enumerate(batch.column("text"), start=known):
                text = value.as_py().encode("utf-8")
                text_file.write(text)
                for start, end in cut(text, passage_bytes):
                    spans.append((document, start, end, at + start))
                    yield text[start:end]
                at += len(text)
            known += batch.num_rows
    np.array(spans, SPAN).tofile(folder / SPANS_FILE)
