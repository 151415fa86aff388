"""A byte n-gram model: the strongest thing one can build by counting, as a baseline for the neural model.

Interpolated Witten-Bell smoothing (Witten and Bell 1991; Chen and Goodman 1998, section 2.5): after context h the
next byte c has P(c|h) = (count(hc) + types(h) P(c|h')) / (count(h) + types(h)), where types(h) is how many different
bytes followed h and h' is h without its first byte; below the empty context every byte is equally likely. An n-gram
of up to eight bytes is one 64-bit integer, so the counts are sorted arrays and a lookup is a binary search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint64]
LONGEST = 8


@dataclass(frozen=True)
class _Table:
    """All n-grams of one length: their sorted codes and counts; and for each context, its total count and its types."""

    codes: Codes
    counts: NDArray[np.int64]
    contexts: Codes
    totals: NDArray[np.int64]
    types: NDArray[np.int64]


@dataclass(frozen=True)
class NgramModel:
    """Counts for n-grams of length 1 to `order`."""

    order: int
    tables: tuple[_Table, ...]


def train(documents: Sequence[bytes], order: int) -> NgramModel:
    """Count the n-grams of the documents. O(n) memory per length, O(n log n) time."""
    if not 1 <= order <= LONGEST:
        raise ValueError(f"order {order} is not between 1 and {LONGEST}")
    grams, _ = _grams(documents, order)
    return NgramModel(order, tuple(_count(_last_bytes(grams, length)) for length in range(1, order + 1)))


def bits(model: NgramModel, documents: Sequence[bytes]) -> NDArray[np.float64]:
    """Return the bits the model needs for each document, each read on its own from its first byte."""
    grams, lengths = _grams(documents, model.order)
    probability = np.full(len(grams), 1 / 256)
    for length, table in enumerate(model.tables, start=1):
        probability = _refine(probability, _last_bytes(grams, length), table)
    ends = np.cumsum(lengths)
    sums = np.concatenate([[0.0], np.cumsum(-np.log2(probability))])
    return np.asarray(sums[ends] - sums[ends - lengths], dtype=np.float64)


def next_byte(model: NgramModel, context: bytes) -> NDArray[np.float64]:
    """Return the probability of each of the 256 bytes after `context` at the start of a document."""
    every = [context + bytes([value]) for value in range(256)]
    grams = np.array([_code((b"\0" * model.order + text)[-model.order :]) for text in every], dtype=np.uint64)
    probability = np.full(256, 1 / 256)
    for length, table in enumerate(model.tables, start=1):
        probability = _refine(probability, _last_bytes(grams, length), table)
    return probability


def describe(order: int) -> str:
    """Return the model's name for a reader."""
    return f"{order}-gram of bytes, Witten-Bell"


def _grams(documents: Sequence[bytes], order: int) -> tuple[Codes, NDArray[np.int64]]:
    """Return, for every byte of every document, the code of the `order` bytes that end there, and the documents'
    lengths.

    Zero bytes stand before each document, so that its first bytes are predicted from "this is a beginning".
    """
    start = b"\0" * (order - 1)
    joined = np.frombuffer(b"".join(start + text for text in documents), dtype=np.uint8)
    lengths = np.array([len(text) for text in documents], dtype=np.int64)
    codes = np.zeros(max(len(joined) - order + 1, 0), dtype=np.uint64)
    for place in range(order):
        codes <<= np.uint64(8)
        codes |= joined[place : place + len(codes)]
    # The window that ends inside the zeros before a document predicts no byte of it.
    return codes[_ends_in_text(lengths, order)], lengths


def _ends_in_text(lengths: NDArray[np.int64], order: int) -> NDArray[np.bool_]:
    total = int(lengths.sum()) + len(lengths) * (order - 1)
    is_text = np.ones(total, dtype=np.bool_)
    starts = np.cumsum(lengths + order - 1) - (lengths + order - 1)
    for place in range(order - 1):
        is_text[starts + place] = False
    return is_text[order - 1 :]


def _last_bytes(grams: Codes, length: int) -> Codes:
    return grams & np.uint64((1 << 8 * length) - 1)


def _count(grams: Codes) -> _Table:
    codes, counts = np.unique(grams, return_counts=True)
    contexts, first, types = np.unique(codes >> np.uint64(8), return_index=True, return_counts=True)
    totals = np.add.reduceat(counts, first) if len(first) else counts
    return _Table(codes, counts.astype(np.int64), contexts, totals.astype(np.int64), types.astype(np.int64))


def _refine(lower: NDArray[np.float64], grams: Codes, table: _Table) -> NDArray[np.float64]:
    """Interpolate the shorter context's probabilities with this length's counts."""
    count = _find(table.codes, table.counts, grams)
    total = _find(table.contexts, table.totals, grams >> np.uint64(8))
    types = _find(table.contexts, table.types, grams >> np.uint64(8))
    # An unseen context has neither counts nor types: the shorter context's word stands.
    return np.where(total > 0, (count + types * lower) / np.maximum(total + types, 1), lower)


def _find(keys: Codes, values: NDArray[np.int64], wanted: Codes) -> NDArray[np.int64]:
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)


def _code(gram: bytes) -> int:
    return int.from_bytes(gram, "big")
