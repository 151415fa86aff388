"""Counting documents, and the bytes of their texts, by a word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ingot.data.rules import as_word

EXAMPLES = 3


class Count(NamedTuple):
    """Documents and the bytes of their texts."""

    documents: int = 0
    bytes: int = 0


class Tally:
    """Counts by word; "" stands for no word."""

    def __init__(self) -> None:
        self._found: dict[str, Count] = {}

    def add(self, words: pa.Array | pa.ChunkedArray, sizes: pa.Array | pa.ChunkedArray) -> None:
        """Count documents, given the word and the size of each."""
        table = pa.table({"word": words, "size": sizes})
        for row in table.group_by("word").aggregate([("size", "count"), ("size", "sum")]).to_pylist():
            self.count(as_word(row["word"]), Count(row["size_count"], row["size_sum"] or 0))

    def add_lists(self, lists: pa.ChunkedArray, sizes: pa.ChunkedArray, *, and_empty: bool = False) -> None:
        """Count documents under every word of their lists; with `and_empty` those with an empty list under ""."""
        self.add(pc.list_flatten(lists), sizes.take(pc.list_parent_indices(lists)))
        if and_empty:
            alone = sizes.filter(pc.equal(pc.list_value_length(lists), 0))
            self.add(pa.nulls(len(alone), pa.string()), alone)

    def count(self, word: str, more: Count) -> None:
        """Add to the count of one word."""
        known = self._found.get(word, Count())
        self._found[word] = Count(known.documents + more.documents, known.bytes + more.bytes)

    def __getitem__(self, word: str) -> Count:
        return self._found.get(word, Count())

    def __len__(self) -> int:
        return len(self._found)

    def items(self) -> list[tuple[str, Count]]:
        """Return the words, most documents first."""
        filled = ((word, count) for word, count in self._found.items() if count.documents)
        return sorted(filled, key=lambda pair: (-pair[1].documents, pair[0]))

    @property
    def total(self) -> Count:
        """All counts together: the documents, when each was counted once."""
        return together(self._found.values())


def together(counts: Iterable[Count]) -> Count:
    """Add counts up."""
    listed = list(counts)
    return Count(sum(count.documents for count in listed), sum(count.bytes for count in listed))


class Examples:
    """A few rows for every word: those with the smallest ids, which are hashes, so an even draw that repeats."""

    def __init__(self, most: int = EXAMPLES) -> None:
        self._most = most
        self._kept: dict[str, list[dict[str, Any]]] = {}

    def add(self, word: str, rows: pa.Table, **more: Any) -> None:
        """Offer rows with a `doc_id` under a word; `more` is said of each."""
        if not len(rows):
            return
        first = pc.select_k_unstable(rows, k=min(self._most, len(rows)), sort_keys=[("doc_id", "ascending")])
        offered = [*self._kept.get(word, ()), *({**row, **more} for row in rows.take(first).to_pylist())]
        self._kept[word] = sorted(offered, key=lambda row: str(row["doc_id"]))[: self._most]

    def __getitem__(self, word: str) -> list[dict[str, Any]]:
        return self._kept.get(word, [])
