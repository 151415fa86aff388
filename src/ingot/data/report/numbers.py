"""Statistics of documents: how each is distributed, what the corpus' own quantiles are, what lies far out.

One column is in memory at a time, 4 bytes a document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingot.core.charts import Histogram, ticks
from ingot.core.storage import as_size
from ingot.core.tables import parts
from ingot.data.explore import TABLES

QUANTILES = (0.05, 0.5, 0.95)
_BINS = 30
_EXTREMES = 3
_MOST_MARKS = 3
_ENDS = (0.002, 0.998)  # what lies further out is counted in the last column
_MANY_TIMES = 20  # the middle: then only a logarithmic axis shows both

_NO_EXTREMES = pa.schema([("doc_id", pa.string()), ("uri", pa.string()), ("value", pa.float64())]).empty_table()

Numbers = npt.NDArray[np.float64]
Label = Callable[[float], str]


@dataclass(frozen=True)
class Threshold:
    """From where on documents of one parser are far out, and how many of them are."""

    parser: str
    limit: float
    documents: int


@dataclass(frozen=True)
class Extreme:
    """A document that is far out."""

    doc_id: str
    uri: str
    value: float


@dataclass(frozen=True)
class Flagged:
    """What is far out in a column: the flag, the side it lies on, and the threshold of each parser."""

    flag: str
    tail: str
    limits: Mapping[str, float]


@dataclass(frozen=True)
class Statistic:
    """One column: its quantiles, how it is drawn (None when all values are the same), and what is flagged in it."""

    column: str
    documents: int
    quantiles: Sequence[float]
    drawn: Histogram | None
    label: Label
    flag: str | None = None
    tail: str = "high"
    thresholds: Sequence[Threshold] = ()
    extremes: Sequence[Extreme] = ()


def measure(dataset: Path, column: str, flagged: Flagged | None = None) -> Statistic | None:
    """Describe one column; None when it holds no number."""
    files = [path for table in TABLES for path in parts(dataset, table) if column in pq.read_schema(path).names]
    table = pa.concat_tables([pq.read_table(path, columns=["parser", column]) for path in files])
    values = table[column].to_numpy().astype(np.float64)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    label = label_of(column)
    if flagged is None:
        return Statistic(column, len(finite), quantiles(finite), drawn(column, finite, label), label)
    sizes = {parser: pc.sum(pc.equal(table["parser"], parser)).as_py() or 0 for parser in flagged.limits}
    counts, extremes = _flagged(files, column, flagged)
    thresholds = [
        Threshold(parser, flagged.limits[parser], counts[parser])
        for parser in sorted(sizes, key=lambda parser: (-sizes[parser], parser))
    ]
    marks = [(each.limit, each.parser) for each in thresholds[:_MOST_MARKS]]
    picture = drawn(column, finite, label, marks)
    return Statistic(
        *(column, len(finite), quantiles(finite), picture, label, flagged.flag, flagged.tail, thresholds, extremes)
    )


def quantiles(values: Numbers) -> list[float]:
    """Return the values at QUANTILES."""
    return [float(each) for each in np.quantile(values, QUANTILES)]


def label_of(column: str) -> Label:
    """Return how values of a column are written: bytes as sizes, shares in percent.

    >>> label_of("digit_share")(0.125), label_of("bytes")(2048), label_of("words")(1234.5)
    ('12.5%', '2.05 kB', '1,234')
    """
    if column == "bytes":
        return as_size
    return _percent if column.endswith("_share") else _plain


def _percent(value: float) -> str:
    return f"{100 * value:.3g}%"


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def drawn(column: str, values: Numbers, label: Label, marks: Sequence[tuple[float, str]] = ()) -> Histogram | None:
    """Return the histogram of a column; None when there is nothing to draw, as all values are the same."""
    low, high = (float(each) for each in np.quantile(values, _ENDS))
    low, high = min([low, *_near(marks, low, high)]), max([high, *_near(marks, low, high)])
    if high <= low:
        low, high = float(values.min()), float(values.max())
    if high <= low:
        return None
    is_logarithmic = low >= 0 and high > _MANY_TIMES * max(float(np.median(values)), 1.0)
    edges, axis = _logarithmic(low, high) if is_logarithmic else _even(low, high)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    inside = [mark for mark in marks if edges[0] <= mark[0] <= edges[-1]]
    labelled = [(value, label(value).replace("bytes", "B")) for value in axis]
    return Histogram(column.replace("_", " "), edges, counts.tolist(), labelled, inside, is_logarithmic)


def _near(marks: Sequence[tuple[float, str]], low: float, high: float) -> list[float]:
    """A threshold far beyond everything would leave the picture empty; then it is only named."""
    return [value for value, _ in marks if low - (high - low) <= value <= high + (high - low)]


def _even(low: float, high: float) -> tuple[list[float], list[float]]:
    axis = ticks(low, high)
    return [float(each) for each in np.linspace(axis[0], axis[-1], _BINS + 1)], axis


def _logarithmic(low: float, high: float) -> tuple[list[float], list[float]]:
    first, last = np.floor(np.log10(max(low, 1.0))), np.ceil(np.log10(high))
    powers = np.arange(first, last + 1)
    step = -(-len(powers) // 6)
    return [float(each) for each in np.logspace(first, last, _BINS + 1)], [10.0**power for power in powers[::step]]


def _flagged(files: Sequence[Path], column: str, flagged: Flagged) -> tuple[Counter[str], list[Extreme]]:
    """Return how many documents of each parser are flagged, and those that lie furthest out."""
    order = [("value", "ascending" if flagged.tail == "low" else "descending"), ("doc_id", "ascending")]
    counts: Counter[str] = Counter()
    kept = _NO_EXTREMES
    for path in files:
        rows = pq.read_table(path, columns=["doc_id", "uri", "parser", "flags", column])
        is_flagged = pc.equal(pc.list_flatten(rows["flags"]), flagged.flag)
        rows = rows.take(pc.list_parent_indices(rows["flags"]).filter(is_flagged))
        counts.update(rows["parser"].to_pylist())
        found = rows.select(["doc_id", "uri"]).append_column("value", rows[column].cast(pa.float64()))
        kept = pa.concat_tables([kept, found.cast(_NO_EXTREMES.schema)]).sort_by(order).slice(0, _EXTREMES)
    return counts, [Extreme(**row) for row in kept.to_pylist()]
