"""Choose the text that the merges are learned from: all of a small corpus, a fixed share of a large one.

The corpus is cut into pieces, and a piece is taken when the hash of its document's id and its number falls below the
share that fits. So the choice depends on nothing but the documents, every part of the corpus is represented by its
size, and one huge document counts for its share instead of filling the sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.tokenizer.pieces import pieces

_ROWS_AT_ONCE = 64
_HASHES = 1 << 64


@dataclass(frozen=True)
class Share:
    """How much of a corpus is read. `fraction` is of its UTF-8 bytes."""

    total_bytes: int
    fraction: float


def share_of(parquet: Path, sample_bytes: int) -> Share:
    """Measure the corpus and say which fraction of it fits in `sample_bytes`. Reads the text column once."""
    total = 0
    with pq.ParquetFile(parquet) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["text"]):
            total += pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0
    return Share(total, min(1.0, sample_bytes / total) if total else 1.0)


def sample_texts(parquet: Path, fraction: float) -> Iterator[str]:
    """Yield the chosen pieces of text in the order of the file; memory is that of a few documents."""
    with pq.ParquetFile(parquet) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["doc_id", "text"]):
            for doc_id, text in zip(batch.column("doc_id"), batch.column("text"), strict=True):
                yield from _chosen(doc_id.as_py(), text.as_py(), fraction)


def _chosen(doc_id: str, text: str, fraction: float) -> Iterator[str]:
    for number, piece in enumerate(pieces(text)):
        if fraction >= 1.0 or _hash(f"{doc_id}/{number}") < fraction * _HASHES:
            yield piece


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
