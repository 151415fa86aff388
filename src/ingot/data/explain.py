"""Say why a document is where it is: its source, what was found in it, how that compares, what was changed, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingot.core.tables import parts
from ingot.data.document import SCHEMA
from ingot.data.explore import TABLES, find

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
    """Explain the documents with this id or URI. Raises InputError when there is none."""
    found = find(dataset, wanted)
    numbers = _numbers(dataset)
    return [Explanation(row, _statistics(row, numbers), _uri(dataset, row["duplicate_of"])) for row in found]


def _uri(dataset: Path, doc_id: str | None) -> str | None:
    return None if doc_id is None else str(find(dataset, doc_id)[0]["uri"])


def _numbers(dataset: Path) -> dict[str, dict[str, Any]]:
    """Return the sorted values of every numeric annotation, by parser and column."""
    files = [path for table in TABLES for path in parts(dataset, table)]
    schema = pq.read_schema(files[0])
    wanted = [field.name for field in schema if pa.types.is_floating(field.type) and field.name not in _NOT_FOUND_IN_IT]
    table = pa.concat_tables([pq.read_table(path, columns=["parser", *wanted]) for path in files])
    parsers = np.asarray(table["parser"].to_pylist(), dtype=object)
    return {
        parser: {name: np.sort(table[name].to_numpy()[parsers == parser]) for name in wanted} for parser in set(parsers)
    }


def _statistics(row: Mapping[str, Any], numbers: Mapping[str, Mapping[str, Any]]) -> list[Statistic]:
    found = []
    for column, value in row.items():
        if column in _NOT_FOUND_IN_IT:
            continue
        among = numbers[row["parser"]].get(column)
        quantile = None
        if among is not None and value is not None:
            quantile = round(float(np.searchsorted(among, np.float32(value), side="right")) / len(among), 4)
        found.append(Statistic(column, value, quantile))
    return found
