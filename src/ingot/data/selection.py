"""Take as many documents of a split as hold a number of tokens, and deal them into shards, before any is encoded.

Documents are put in the order of a hash of their ids, which no property of theirs can influence, and the first are
taken. How many is reckoned from their bytes and from the bytes a token has on the first of them, so the file is read
but hardly encoded; the result is within a few percent of the wish, and the same every time. Only sums per stretch of
the hash are kept (:data:`BUCKETS` of them), so memory does not grow with the documents.

A shard is made of whole row groups, dealt in the order of a permutation: every shard is a sample of all sources,
whatever order they came in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.data.permutation import key_of, permute
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.pieces import pieces

BUCKETS = 1 << 16  # of equal width in the hash: the limit is hit to this part of the split, or to one document

_ROWS_AT_ONCE = 64
_TRIAL_BYTES = 1_000_000
_FRAME_TOKENS = 2  # bos and eos
_HASH_BITS = 64

Integers = npt.NDArray[np.int64]
_Group = tuple[Path, int]  # a row group: its file and its number in it


@dataclass(frozen=True)
class Share:
    """What one shard is made of: row groups by file, and about how many bytes of text are taken from them."""

    row_groups: Mapping[Path, Sequence[int]]
    bytes: int


@dataclass(frozen=True)
class Selection:
    """Which documents are taken: those whose hash falls into a bucket below `buckets`, and how shards are made of them.

    They have `bytes` of text, all have `available_bytes`. `digest` is one of these documents, wherever they lie.
    """

    buckets: int
    bytes: int
    available_bytes: int
    shards: tuple[Share, ...]
    digest: str = ""

    @property
    def fraction(self) -> float:
        """The share of the bytes that is taken."""
        return self.bytes / self.available_bytes if self.available_bytes else 1.0

    def documents(self) -> Iterator[tuple[str, str]]:
        """Yield `(doc_id, text)` of all that is taken, shard after shard."""
        for share in self.shards:
            yield from documents(share.row_groups, self.buckets)


@dataclass(frozen=True)
class _Sums:
    """What is kept of a split: bytes and documents by bucket, its row groups, and their bytes."""

    bytes: Integers
    documents: Integers
    groups: Sequence[_Group]
    group_bytes: Integers


def documents(row_groups: Mapping[Path, Sequence[int]], buckets: int) -> Iterator[tuple[str, str]]:
    """Yield `(doc_id, text)` of the documents taken from some row groups, in the order given."""
    for path, numbers in row_groups.items():
        for batch, bucket in _batches(path, numbers):
            taken = batch.filter(bucket < buckets)
            for doc_id, text in zip(taken.column("doc_id"), taken.column("text"), strict=True):
                yield doc_id.as_py(), text.as_py()


def select(files: Sequence[Path], token_limit: int, codec: Codec, shard_bytes: int) -> Selection:
    """Choose documents with about `token_limit` tokens, at least one; all when the limit is 0 or not reached.

    A shard gets about `shard_bytes` of their text.
    """
    sums = _summed(files)
    buckets = _buckets(sums, token_limit, codec)
    available, taken = int(sums.bytes.sum()), int(sums.bytes[:buckets].sum())
    shards = []
    for members in _dealt(sums.group_bytes, -(-taken // shard_bytes)):
        size = round(int(sums.group_bytes[members].sum()) * taken / available)
        shards.append(Share(_by_file([sums.groups[number] for number in members]), size))
    digest = hashlib.blake2b(sums.bytes[:buckets].tobytes(), digest_size=16).hexdigest()
    return Selection(buckets, taken, available, tuple(shards), digest)


def _buckets(sums: _Sums, token_limit: int, codec: Codec) -> int:
    """Return how many buckets hold the limit."""
    # A token has at least one byte, so what is smaller than the limit in bytes need not be tried.
    if not token_limit or (sums.bytes + _FRAME_TOKENS * sums.documents).sum() <= token_limit:
        return BUCKETS
    trial = _first(sums.bytes.cumsum(), _TRIAL_BYTES)
    tokens = sums.bytes / _bytes_per_token(sums.groups, trial, codec) + _FRAME_TOKENS * sums.documents
    return _first(tokens.cumsum(), token_limit)


def _first(reached: npt.NDArray[Any], limit: int) -> int:
    """Return how many buckets it takes to reach a limit, or all."""
    return min(int(np.searchsorted(reached, limit)) + 1, BUCKETS)


def _bytes_per_token(groups: Sequence[_Group], buckets: int, codec: Codec) -> float:
    return bytes_per_token((text for _, text in documents(_by_file(groups), buckets)), codec)


def bytes_per_token(texts: Iterable[str], codec: Codec) -> float:
    """Return how many bytes a token has on the openings of some texts."""
    size = count = 0
    for text in texts:
        opening = next(pieces(text))  # the opening stands for the whole, so that one huge document costs no more
        size += len(opening.encode())
        count += len(codec.encode(opening))
    return max(1, size) / max(1, count)


def _dealt(group_bytes: Integers, shards: int) -> list[list[int]]:
    """Deal the row groups into shards of about equal bytes, each in the order of the files."""
    count = len(group_bytes)
    if not count or not shards:
        return []
    each = np.ones(count, dtype=np.uint64)
    order = permute(np.arange(count, dtype=np.uint64), each * np.uint64(count), each * key_of(0, "deal")).astype(int)
    dealt = group_bytes[order]
    middle = dealt.cumsum() - dealt / 2
    shard = np.minimum(middle * shards // dealt.sum(), shards - 1)
    members: list[list[int]] = [np.sort(order[shard == number]).tolist() for number in range(shards)]
    return list(filter(None, members))


def _by_file(groups: Sequence[_Group]) -> dict[Path, list[int]]:
    return {path: [number for _, number in members] for path, members in groupby(groups, key=itemgetter(0))}


def _summed(files: Sequence[Path]) -> _Sums:
    groups = [(path, number) for path in files for number in range(pq.read_metadata(path).num_row_groups)]
    sums = _Sums(np.zeros(BUCKETS, np.int64), np.zeros(BUCKETS, np.int64), groups, np.zeros(len(groups), np.int64))
    for place, (path, number) in enumerate(groups):
        for batch, bucket in _batches(path, [number]):
            sizes = pc.binary_length(batch.column("text")).to_numpy(zero_copy_only=False).astype(np.int64)
            np.add.at(sums.bytes, bucket, sizes)
            np.add.at(sums.documents, bucket, 1)
            sums.group_bytes[place] += sizes.sum()
    return sums


def _batches(parquet: Path, row_groups: Sequence[int]) -> Iterator[tuple[pa.RecordBatch, Integers]]:
    """Yield the ids and texts of some row groups, a few rows at a time, and each document's bucket."""
    with pq.ParquetFile(parquet) as file:
        for group in row_groups:
            for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=["doc_id", "text"]):
                yield batch, np.array([_bucket(doc_id) for doc_id in batch.column("doc_id").to_pylist()], np.int64)


def _bucket(doc_id: str) -> int:
    digest = hashlib.blake2b(doc_id.encode(), digest_size=8, person=b"shards").digest()
    return int.from_bytes(digest, "big") * BUCKETS >> _HASH_BITS
