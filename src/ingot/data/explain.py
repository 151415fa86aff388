"""Say why a document is where it is: its source, what was found in it, how that compares, what was changed, and why."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from ingot.core.errors import InputError
from ingot.core.tables import parts, read_batches
from ingot.data.document import SCHEMA
from ingot.data.explore import TABLES, find
from ingot.data.tombstones import Tombstone, tombstones

_NOT_FOUND_IN_IT = {*SCHEMA.names, "table", "flags", "duplicate_of", "changes", "reason"}


@dataclass(frozen=True)
class Statistic:
    """One annotation of a document. `quantile` is its rank among the documents of its parser, for numbers."""

    column: str
    value: Any
    quantile: float | None


@dataclass(frozen=True)
class Explanation:
    """Everything known about one document of a dataset; `repeats` is the URI of the document it repeats."""

    row: Mapping[str, Any]
    statistics: Sequence[Statistic]
    repeats: str | None

    @property
    def verdict(self) -> str:
        """Return in one sentence what happened to the document and why."""
        table, reason = self.row["table"], self.row.get("reason")
        if table == "dropped":
            of = f" of {self.repeats}" if self.repeats else ""
            return f"It was dropped: {reason}{of}."
        use = "It is kept to train on" if table == "train" else "It is held out, to judge the model by"
        near = f", although it nearly repeats {self.repeats}" if self.repeats else ""
        odd = ", ".join(flag.replace("_", " ") for flag in self.row["flags"])
        return f"{use}{near}." + (f" Unusual in this corpus: {odd}." if odd else "")


def explain(dataset: Path, wanted: str) -> list[Explanation]:
    """Explain the documents with this id or URI. Raises InputError when there is none, or it was erased."""
    erased = {stone.doc_id: stone for stone in tombstones(dataset)}
    if wanted in erased:
        raise _erased(erased[wanted], dataset)
    found = find(dataset, wanted)
    return [
        Explanation(row, _statistics(row, ranks), _uri(dataset, row["duplicate_of"], erased))
        for row, ranks in zip(found, _ranks(dataset, found), strict=True)
    ]


def _uri(dataset: Path, doc_id: str | None, erased: Container[str]) -> str | None:
    if doc_id in erased:
        return "a document that was erased since"
    return None if doc_id is None else str(find(dataset, doc_id)[0]["uri"])


def _erased(stone: Tombstone, dataset: Path) -> InputError:
    return InputError(
        f"this document was erased on {stone.day}",
        where=str(dataset),
        why=stone.reason,
        fix="nothing of it is left here; `ingot data forget` named what had been made from it",
    )


def _ranks(dataset: Path, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Return for each row and number in it the share of its parser's documents with no larger one. Reads once."""
    ranks: list[dict[str, float]] = [{} for _ in rows]
    files = [path for table in TABLES for path in parts(dataset, table)]
    for parser in dict.fromkeys(row["parser"] for row in rows):
        asked = [number for number, row in enumerate(rows) if row["parser"] == parser]
        names = {name for number in asked for name, value in rows[number].items() if _is_ranked(name, value)}
        values = {name: np.array([rows[number][name] for number in asked], np.float32) for name in sorted(names)}
        below, documents = {name: np.zeros(len(asked), np.int64) for name in values}, 0
        for batch in read_batches(files, ["parser", *values]):
            among = batch.filter(pc.equal(batch.column("parser"), parser))
            documents += among.num_rows
            for name, wanted in values.items():
                column = np.sort(among.column(name).to_numpy(zero_copy_only=False))
                below[name] += np.searchsorted(column, wanted, side="right")
        for place, number in enumerate(asked):
            ranks[number] = {name: round(int(count[place]) / documents, 4) for name, count in below.items()}
    return ranks


def _is_ranked(name: str, value: object) -> bool:
    return name not in _NOT_FOUND_IN_IT and isinstance(value, float)


def _statistics(row: Mapping[str, Any], ranks: Mapping[str, float]) -> list[Statistic]:
    return [
        Statistic(name, value, ranks.get(name) if _is_ranked(name, value) else None)
        for name, value in row.items()
        if name not in _NOT_FOUND_IN_IT
    ]
