"""Try rules on a dataset without dropping anything: how much each would take, what it alone would take, examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.core.config import load
from ingot.core.errors import UsageError
from ingot.core.tables import parts, read_rows
from ingot.data.explore import columns
from ingot.data.rules import Rule, matching
from ingot.flow.yaml_file import read_yaml

_KEPT = ("train", "held_out")
_OPENING = 160


@dataclass(frozen=True)
class Example:
    """A document a rule would drop: where it is from, the value the rule looks at, how its text begins."""

    doc_id: str
    uri: str
    value: Any
    opening: str


@dataclass(frozen=True)
class Trial:
    """What a rule would drop of the documents that are kept now. `alone` counts those no other rule would drop."""

    rule: str
    column: str
    documents: int
    alone: int
    bytes: int
    share: float
    examples: Sequence[Example]


def read_rules(path: Path) -> list[Rule]:
    """Read rules from YAML: a list of mappings with the fields of a Rule, or a curation file, whose `drop` is meant.

    A list may also be called `rules`. Raises UsageError naming the field.
    """
    found = read_yaml(path)
    if isinstance(found, Mapping):
        found = next((found[name] for name in ("drop", "rules") if name in found), None)
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        fix = "write a list, alone or under `drop:`, such as: - {name: too short, column: bytes, below: 200}"
        raise UsageError("the rules are not a list", where=str(path), fix=fix)
    return [load(Rule, each, f"rule {number} of {path}") for number, each in enumerate(found, start=1)]


def try_rules(dataset: Path, rules: Sequence[Rule], examples: int) -> list[Trial]:
    """Return what each rule would drop. Raises UsageError for a column the dataset does not have."""
    files = [path for table in _KEPT for path in parts(dataset, table)]
    columns(dataset)
    table = _table(files, {rule.column for rule in rules})
    values = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    found = [matching(rule, values, values["parser"].tolist()) for rule in rules]
    times = np.sum(found, axis=0) if found else np.zeros(len(table), np.int64)
    total = max(1, int(values["bytes"].sum()))
    return [
        Trial(
            rule.name,
            rule.column,
            int(drops.sum()),
            int((drops & (times == 1)).sum()),
            int(values["bytes"][drops].sum()),
            float(values["bytes"][drops].sum() / total),
            _examples(files, np.flatnonzero(drops)[:examples].tolist(), values[rule.column]),
        )
        for rule, drops in zip(rules, found, strict=True)
    ]


def _table(files: Sequence[Path], wanted: set[str]) -> pa.Table:
    tables = []
    for path in files:
        present = [name for name in pq.read_schema(path).names if name in wanted - {"parser", "bytes"}]
        table = pq.read_table(path, columns=["parser", "text", *present])
        size = pc.binary_length(table["text"]).cast(pa.int64())
        tables.append(table.drop_columns("text").append_column("bytes", size))
    return pa.concat_tables(tables)


def _examples(files: Sequence[Path], numbers: Sequence[int], values: Any) -> list[Example]:
    wanted = {int(number) for number in numbers}
    if not wanted:
        return []
    found = []
    for number, row in enumerate(read_rows(files, ("doc_id", "uri", "text"))):
        if number in wanted:
            opening = " ".join(row["text"][: 2 * _OPENING].split())[:_OPENING]
            value = values[number].item() if hasattr(values[number], "item") else values[number]
            found.append(Example(row["doc_id"], row["uri"], value, opening))
        if len(found) == len(wanted):
            break
    return found
