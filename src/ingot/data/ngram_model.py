"""A byte n-gram model of a reference set, fast enough to say of every document how surprising it is.

Interpolated Witten-Bell smoothing (Witten and Bell, 1991; Chen and Goodman, 1998, section 2.5): after context h the
next byte c has P(c|h) = (count(hc) + types(h) P(c|h')) / (count(h) + types(h)), where types(h) is how many different
bytes followed h and h' is h without its first byte; below the empty context every byte is equally likely. What is
kept are the n-grams of the longest kind with their counts, which the shorter ones follow from; to score, each n-gram
of each length is an entry of a hash table that also knows the n-gram as a context.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ingot.core.compiling import cached, compiled
from ingot.core.errors import InputError, UsageError
from ingot.data.reference_texts import sample_texts
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext

MODEL_FILE = "ngrams.safetensors"
LONGEST = 8  # as many bytes as a 64-bit integer has
_FORMAT = "1"
_HELD_BYTES = 8 << 20
_BITS = np.uint64(8)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(20)
# Columns of an entry: how often the n-gram occurs, how often something followed it, and how many different bytes did.
_COUNT, _TOTAL, _TYPES = range(3)
_COLUMNS = 3

Codes = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Columns = npt.NDArray[np.uint32]  # [places, _COLUMNS]


@dataclass(frozen=True)
class NgramConfig:
    """How many bytes the longest n-gram has (1 to 8), and how much of the reference set is read at most."""

    order: int = 5
    most_bytes: int = 16 << 20


class Entries(NamedTuple):
    """Hash tables of all lengths one after the other: keys, their columns, and where each length's table begins."""

    keys: Codes
    columns: Columns
    starts: Integers


@dataclass(frozen=True, eq=False)
class NgramModel:
    """The n-grams of `order` bytes, as big-endian integers, sorted, and how often each occurs.

    Zero bytes stand before each text, so that its first bytes are predicted from "this is a beginning".
    """

    order: int
    codes: Codes
    counts: npt.NDArray[np.uint32]

    @cached_property
    def entries(self) -> Entries:
        """Return the tables to look n-grams up in."""
        tables = [_entries(self.codes, self.counts, self.order, length) for length in range(self.order + 1)]
        starts = np.cumsum([0, *(len(keys) for keys, _ in tables)])
        keys, columns = (np.concatenate(parts) for parts in zip(*tables, strict=True))
        return Entries(keys, columns, starts)

    def bits(self, text: bytes) -> float:
        """Return the bits the model needs for a text, read from its beginning."""
        contexts = np.empty(self.order, np.int64)
        return float(_bits(np.frombuffer(text, np.uint8), self.order, *self.entries, contexts)) if text else 0.0


def count(texts: Iterable[bytes], order: int) -> NgramModel:
    """Count the n-grams of texts. Raises UsageError for an order that is not between 1 and 8."""
    if not 1 <= order <= LONGEST:
        raise UsageError(f"n-grams of {order} bytes cannot be counted", fix=f"take 1 to {LONGEST}; 5 is usual")
    codes, counts = np.empty(0, np.uint64), np.empty(0, np.int64)
    held: list[Codes] = []
    waiting = 0
    for text in texts:
        held.append(_codes(text, order))
        waiting += len(text)
        if waiting >= _HELD_BYTES:
            codes, counts = _added(codes, counts, held)
            held, waiting = [], 0
    codes, counts = _added(codes, counts, held)
    return NgramModel(order, codes, _as_counts(counts))


def train_ngrams(config: NgramConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Count the n-grams of all inputs together. Raises InputError when there is no text in them."""
    texts = [
        text.encode("utf-8") for _, text in sample_texts([each.path for each in inputs.values()], config.most_bytes)
    ]
    size = sum(map(len, texts))
    if not size:
        raise InputError("there is no text to count n-grams in", fix="give the step documents or a dataset as an input")
    model = count(texts, config.order)
    save(model, context.folder)
    own = sum(map(model.bits, texts)) / size
    return {"texts": len(texts), "bytes": size, "ngrams": len(model.codes), "own_bits_per_byte": round(own, 4)}


def save(model: NgramModel, folder: Path) -> None:
    """Write the model file into a folder."""
    described = {"format": _FORMAT, "order": str(model.order)}
    save_file({"codes": model.codes, "counts": model.counts}, str(folder / MODEL_FILE), described)


def load(folder: Path) -> NgramModel:
    """Read a model. Raises InputError when the folder holds none."""
    try:
        with safe_open(str(folder / MODEL_FILE), "numpy") as file:
            described = file.metadata() or {}
            model = NgramModel(int(described["order"]), file.get_tensor("codes"), file.get_tensor("counts"))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        fix = "make one with the step train_ngrams"
        raise InputError("this is not an n-gram model", where=str(folder), why=str(error), fix=fix) from None
    if described.get("format") != _FORMAT:
        raise InputError("another version of Ingot made this n-gram model", where=str(folder), fix="make it again")
    return model


def _codes(text: bytes, order: int) -> Codes:
    """Return, for every byte of a text, the `order` bytes that end there."""
    padded = np.frombuffer(b"\0" * (order - 1) + text, np.uint8)
    codes = np.zeros(len(text), np.uint64)
    for place in range(order):
        codes <<= _BITS
        codes |= padded[place : place + len(codes)]
    return codes


def _added(codes: Codes, counts: Integers, more: Iterable[Codes]) -> tuple[Codes, Integers]:
    """Add counts of codes to sorted ones."""
    new, times = np.unique(np.concatenate([np.empty(0, np.uint64), *more]), return_counts=True)
    return _summed(np.concatenate([codes, new]), np.concatenate([counts, times.astype(np.int64)]))


def _summed(codes: Codes, counts: Integers) -> tuple[Codes, Integers]:
    distinct, number = np.unique(codes, return_inverse=True)
    return distinct, np.bincount(number, counts, len(distinct)).astype(np.int64)


def _entries(codes: Codes, counts: npt.NDArray[np.uint32], order: int, length: int) -> tuple[Codes, Columns]:
    """Return the hash table of the n-grams of one length, which are contexts too unless they are the longest."""
    grams, times = _summed(_last_bytes(codes, length), counts.astype(np.int64))
    columns = np.zeros((len(grams), _COLUMNS), np.int64)
    columns[:, _COUNT] = times
    if length < order:
        longer, followed = _summed(_last_bytes(codes, length + 1), counts.astype(np.int64))
        contexts, first, types = np.unique(longer >> _BITS, return_index=True, return_counts=True)
        missing = np.setdiff1d(contexts, grams)  # beginnings, which nothing ends with
        grams = np.concatenate([grams, missing])
        ascending = np.argsort(grams)
        columns = np.concatenate([columns, np.zeros((len(missing), _COLUMNS), np.int64)])[ascending]
        grams = grams[ascending]
        places = np.searchsorted(grams, contexts)
        columns[places, _TOTAL] = np.add.reduceat(followed, first)
        columns[places, _TYPES] = types
    size = 1 << (3 * len(grams) // 2 + 1).bit_length()
    keys, values = np.zeros(size, np.uint64), np.zeros((size, _COLUMNS), np.uint32)
    _insert(grams, _as_counts(columns), keys, values, np.array([0, size]))
    return keys, values


def _as_counts(numbers: Integers) -> npt.NDArray[np.uint32]:
    return np.minimum(numbers, np.iinfo(np.uint32).max).astype(np.uint32)


def _last_bytes(codes: Codes, length: int) -> Codes:
    return codes & np.uint64((1 << 8 * length) - 1)


@compiled
def _place(gram: np.uint64, length: int, keys: Codes, columns: Columns, starts: Integers) -> Any:
    """Return where an n-gram is, or the free place where it would be: one without a count and without a total."""
    first = starts[length]
    mask = np.uint64(starts[length + 1] - first - 1)
    place = ((gram * _FACTOR) >> _SHIFT) & mask
    while True:
        at = first + np.int64(place)
        is_free = columns[at, _COUNT] == 0 and columns[at, _TOTAL] == 0
        if is_free or keys[at] == gram:
            return at
        place = (place + np.uint64(1)) & mask


@cached
def _insert(grams: Codes, values: Columns, keys: Codes, columns: Columns, bounds: Integers) -> None:
    for number in range(len(grams)):
        at = _place(grams[number], 0, keys, columns, bounds)
        keys[at] = grams[number]
        for column in range(_COLUMNS):
            columns[at, column] = values[number, column]


@cached
def _bits(text: Bytes, order: int, keys: Codes, columns: Columns, starts: Integers, contexts: Integers) -> float:
    """Add up the negative binary logarithms of the probabilities of all bytes.

    `contexts` is room for where the bytes before the next one stand, by their number: the n-grams of the last byte.
    """
    for length in range(order):
        contexts[length] = _place(np.uint64(0), length, keys, columns, starts)
    total = 0.0
    code = np.uint64(0)
    for number in range(len(text)):
        code = (code << _BITS) | np.uint64(text[number])
        probability = 1.0 / 256.0
        context = contexts[0]
        for length in range(order):
            followed = columns[context, _TOTAL]
            types = float(columns[context, _TYPES])
            gram = code & ((np.uint64(1) << np.uint64(8 * (length + 1))) - np.uint64(1)) if length < 7 else code
            at = _place(gram, length + 1, keys, columns, starts)
            if followed:
                probability = (columns[at, _COUNT] + types * probability) / (float(followed) + types)
            if length + 1 < order:
                context = contexts[length + 1]
                contexts[length + 1] = at
        total -= np.log2(probability)
    return total
