"""Take as many documents of a split as hold a number of tokens, before any of them is encoded.

Documents are put in the order of a hash of their ids, which no property of theirs can influence, and the first are
taken. How many is reckoned from their bytes and from the bytes a token has on the first of them, so the file is read
but hardly encoded; the result is within a few percent of the wish, and the same every time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.tokenizer.codec import Codec
from ingot.tokenizer.pieces import pieces

_ROWS_AT_ONCE = 64
_TRIAL_BYTES = 1_000_000
_FRAME_TOKENS = 2  # bos and eos


@dataclass(frozen=True, eq=False)
class Selection:
    """Which rows of a Parquet file are taken, how many bytes of text they have, and how many all rows have."""

    parquet: Path
    is_taken: npt.NDArray[np.bool_] = field(repr=False)
    bytes: int
    available_bytes: int

    def documents(self) -> Iterator[tuple[str, str]]:
        """Yield `(doc_id, text)` of the rows taken, in the order of the file."""
        row = 0
        with pq.ParquetFile(self.parquet) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["doc_id", "text"]):
                is_taken = self.is_taken[row : row + batch.num_rows]
                row += batch.num_rows
                taken = batch.filter(is_taken)
                for doc_id, text in zip(taken.column("doc_id"), taken.column("text"), strict=True):
                    yield doc_id.as_py(), text.as_py()


def select(parquet: Path, token_limit: int, codec: Codec) -> Selection:
    """Choose documents with about `token_limit` tokens, at least one; all when the limit is 0 or not reached."""
    sizes, hashes = _sizes_and_hashes(parquet)
    available = int(sizes.sum())
    everything = Selection(parquet, np.ones(len(sizes), dtype=np.bool_), available, available)
    # A token has at least one byte, so what is smaller than the limit in bytes need not be tried.
    if not token_limit or available + _FRAME_TOKENS * len(sizes) <= token_limit:
        return everything
    order = np.lexsort((np.arange(len(sizes)), hashes))
    trial = _first(parquet, sizes, order, _TRIAL_BYTES)
    tokens = sizes / _bytes_per_token(trial, codec) + _FRAME_TOKENS
    if tokens.sum() <= token_limit:
        return everything
    return _first(parquet, sizes, order, token_limit, weights=tokens)


def _first(
    parquet: Path,
    sizes: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    limit: int,
    weights: npt.NDArray[np.float64] | None = None,
) -> Selection:
    """Take documents in `order` until their weights (their bytes, if not given) reach `limit`."""
    reached = np.cumsum((sizes if weights is None else weights)[order])
    taken = order[: int(np.searchsorted(reached, limit)) + 1]
    is_taken = np.zeros(len(sizes), dtype=np.bool_)
    is_taken[taken] = True
    return Selection(parquet, is_taken, int(sizes[taken].sum()), int(sizes.sum()))


def _bytes_per_token(selection: Selection, codec: Codec) -> float:
    size = count = 0
    for _, text in selection.documents():
        opening = next(pieces(text))  # the opening stands for the whole, so that one huge document costs no more
        size += len(opening.encode())
        count += len(codec.encode(opening))
    return size / max(1, count)


def _sizes_and_hashes(parquet: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    sizes: list[npt.NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    hashes: list[int] = []
    with pq.ParquetFile(parquet) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=["doc_id", "text"]):
            sizes.append(pc.binary_length(batch.column("text")).to_numpy(zero_copy_only=False).astype(np.int64))
            hashes.extend(_hash(doc_id) for doc_id in batch.column("doc_id").to_pylist())
    return np.concatenate(sizes), np.array(hashes, dtype=np.uint64)


def _hash(doc_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(doc_id.encode(), digest_size=8, person=b"shards").digest(), "big")
