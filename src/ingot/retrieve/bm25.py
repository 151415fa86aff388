"""BM25: passages in the order of the words they share with a question, rare ones counting more (Robertson et al. 1994).

The variant is Lucene's (Kamphuis et al. 2020, table 1): a term that stands in `df` of N passages weighs ln(1 + (N - df
+ 0.5) / (df + 0.5)), times tf / (tf + k1 * (1 - b + b * length / mean length)). All of this is known when the index is
made, so a posting holds the whole product, and a question only adds up (Lù 2024, "BM25S").

    terms.bin      the sorted hashes of all terms, 64 bits
    starts.bin     where the postings of each term begin, and where the last ones end, 64 bits
    passages.bin   of each posting the number of a passage, 32 bits, ascending
    weights.bin    of each posting its weight, float32
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingot.retrieve.terms import terms

FOLDER = "bm25"
_TYPES = {"terms": "<u8", "starts": "<i8", "passages": "<u4", "weights": "<f4"}
_AT_ONCE = 1 << 22  # terms gathered before they are counted

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Words:
    """The postings of an index, mapped from its files: only what a question needs is read."""

    terms: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.int64]
    passages: npt.NDArray[np.uint32]
    weights: Floats

    def scores(self, query: str, count: int) -> Floats:
        """Return how well each of the `count` passages fits a question, [N]; 0 where no word is shared."""
        total = np.zeros(count, np.float32)
        asked, times = np.unique(terms(query.encode("utf-8", "replace")), return_counts=True)
        places = np.searchsorted(self.terms, asked)
        for term, often, place in zip(asked.tolist(), times.tolist(), places.tolist(), strict=True):
            if place < len(self.terms) and int(self.terms[place]) == term:
                some = slice(int(self.starts[place]), int(self.starts[place + 1]))
                total[self.passages[some]] += often * self.weights[some]
        return total


@dataclass
class Counter:
    """Gathers terms, passage after passage, and counts a few million at a time. About 16 bytes for each posting."""

    sizes: list[int] = field(default_factory=list)
    _waiting: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    _counted: int = 0
    _held: int = 0
    _parts: list[tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]] = field(default_factory=list)

    def add(self, text: bytes) -> None:
        """Count the terms of the next passage."""
        found = terms(text)
        self.sizes.append(len(found))
        self._waiting.append(found)
        self._held += len(found)
        if self._held >= _AT_ONCE:
            self._count()

    def _count(self) -> None:
        if not self._waiting:
            return
        hashes = np.concatenate(self._waiting)
        rows = len(self._waiting)
        passages = np.repeat(np.arange(rows), self.sizes[self._counted :])
        known, places = _numbered(hashes)
        pairs, times = np.unique(places * rows + passages, return_counts=True)
        numbers = (pairs % rows + self._counted).astype(np.uint32)
        self._parts.append((known[pairs // rows], numbers, times.astype(np.uint32)))
        self._counted += rows
        self._held = 0
        self._waiting.clear()

    def write(self, folder: Path, saturation: float, length_share: float) -> int:
        """Write the postings and return how many terms there are."""
        self._count()
        hashes, passages, times = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        known, places = _numbered(hashes)
        holding = np.bincount(places, minlength=len(known))
        order = np.argsort(places, kind="stable")  # within a term passages stay in order
        places, passages, times = places[order], passages[order], times[order]
        sizes = np.array(self.sizes, np.float64)
        rare = np.log1p((len(sizes) - holding + 0.5) / (holding + 0.5))
        bulk = saturation * (1 - length_share + length_share * sizes / max(sizes.mean(), 1.0))
        weights = rare[places] * times / (times + bulk[passages])
        starts = np.concatenate([[0], np.cumsum(holding)])
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in {"terms": known, "starts": starts, "passages": passages, "weights": weights}.items():
            values.astype(_TYPES[name]).tofile(folder / f"{name}.bin")
        return len(known)


def _numbered(hashes: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return the sorted values of an array, and of each where it stands among them, as np.unique does.

    By a table of hashes, which is several times as quick as by sorting all of them.
    """
    encoded = pa.array(hashes).dictionary_encode()
    met = encoded.dictionary.to_numpy(zero_copy_only=False)
    order = np.argsort(met)
    places = np.empty(len(met), np.int64)
    places[order] = np.arange(len(met))
    return met[order], places[encoded.indices.to_numpy(zero_copy_only=False)]


def read(folder: Path) -> Words:
    """Map the postings of an index."""
    arrays = (_mapped(folder / f"{name}.bin", kind) for name, kind in _TYPES.items())
    return Words(*arrays)


def _mapped(path: Path, kind: str) -> npt.NDArray[Any]:
    # A file without a byte cannot be mapped: passages of signs alone have no terms.
    return np.memmap(path, kind, "r") if path.stat().st_size else np.empty(0, kind)
