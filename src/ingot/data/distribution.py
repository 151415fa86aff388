"""How the annotations of a dataset are distributed: quantiles of numbers by parser, counts of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingot.core.tables import parts
from ingot.data.document import SCHEMA
from ingot.data.explore import TABLES, columns
from ingot.data.rules import as_word

QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)
_SHOWN_WORDS = 30
_OTHER_COLUMNS = frozenset({*SCHEMA.names, "flags", "duplicate_of", "changes"}) - {"licence", "media_type"}


@dataclass(frozen=True)
class Distribution:
    """One column: its values at QUANTILES among the documents of a parser, or how many documents have each word."""

    column: str
    parser: str
    documents: int
    quantiles: Sequence[float] = ()
    words: Mapping[str, int] = field(default_factory=dict)


def describe(dataset: Path) -> list[Distribution]:
    """Return the distribution of every annotation, of the licence and of the media type."""
    names = [name for name in columns(dataset) if name not in _OTHER_COLUMNS]
    files = [path for table in TABLES for path in parts(dataset, table)]
    table = pa.concat_tables([_read(path, {"parser", *names}) for path in files], promote_options="default")
    parsers = np.asarray(table["parser"].to_pylist(), dtype=object)
    found: list[Distribution] = []
    for name in names:
        if pa.types.is_floating(table[name].type) or pa.types.is_integer(table[name].type):
            found += _of_numbers(name, table[name].to_numpy().astype(np.float64), parsers)
        elif pa.types.is_string(table[name].type) or pa.types.is_boolean(table[name].type):
            counts = Counter(map(as_word, table[name].to_pylist()))
            found.append(Distribution(name, "", len(table), words=dict(counts.most_common(_SHOWN_WORDS))))
    return found


def _read(path: Path, wanted: set[str]) -> pa.Table:
    return pq.read_table(path, columns=[name for name in pq.read_schema(path).names if name in wanted])


def _of_numbers(name: str, values: np.ndarray, parsers: np.ndarray) -> list[Distribution]:
    found = []
    for parser in sorted(set(parsers.tolist())):
        among = values[(parsers == parser) & np.isfinite(values)]
        if len(among):
            found.append(
                Distribution(name, parser, len(among), [float(each) for each in np.quantile(among, QUANTILES)])
            )
    return found
