"""Texts of an artifact that something is learned from: all of them, or a sample that is the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.compute as pc

from ingot.core.errors import InputError
from ingot.core.tables import parts, read_batches

# A folder of documents has the first table, a dataset the others; what it dropped is no example of anything.
_TABLES = (("documents",), ("train", "held_out"))


def files_of(artifact: Path) -> list[Path]:
    """Return the files an artifact keeps its documents in. Raises InputError when it has none."""
    for tables in _TABLES:
        if files := [path for table in tables for path in parts(artifact, table)]:
            return files
    raise InputError("there are no documents in this artifact", where=str(artifact), fix="give documents or a dataset")


def read_texts(artifact: Path) -> Iterator[tuple[str, str]]:
    """Yield the id and the text of every document."""
    for batch in read_batches(files_of(artifact), ("doc_id", "text")):
        yield from zip(batch.column("doc_id").to_pylist(), batch.column("text").to_pylist(), strict=True)


def sample_texts(artifacts: Sequence[Path], most_bytes: int) -> Iterator[tuple[str, str]]:
    """Yield documents whose hashed ids are smallest, up to so many bytes of text, in the order they are stored in."""
    sizes: dict[str, int] = {}
    for artifact in artifacts:
        for batch in read_batches(files_of(artifact), ("doc_id", "text")):
            lengths = pc.binary_length(batch.column("text")).to_pylist()
            sizes.update(zip(batch.column("doc_id").to_pylist(), lengths, strict=True))
    chosen: set[str] = set()
    total = 0
    for doc_id in sorted(sizes, key=by_hash):
        total += sizes[doc_id]
        if total > most_bytes and chosen:
            break
        chosen.add(doc_id)
    for artifact in artifacts:
        yield from ((doc_id, text) for doc_id, text in read_texts(artifact) if doc_id in chosen)


def by_hash(content: str) -> bytes:
    """Return what to sort by for an order that is as good as drawn by lot, and always the same."""
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()
