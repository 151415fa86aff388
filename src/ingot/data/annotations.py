"""Quality statistics that describe a corpus and judge it by its own standards.

Every filter gives each document a number. What counts as far out is measured on the corpus: per parser (code is not
judged as prose) the median and a robust spread, and a document is flagged when it lies more than `DEVIATIONS` spreads
away. Nothing is dropped: thresholds made for web pages would delete contracts and source code, which are the point.
The spread is the scaled median absolute deviation (Rousseeuw and Croux, 1993), or the upper quantiles where that is
zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ingot.core.config import load as load_config
from ingot.core.plugins import Plugin, load, names

DEVIATIONS = 5.0
LEAST_DOCUMENTS = 20
_MAD_TO_SIGMA = 1.4826
_NINETIETH_TO_SIGMA = 1 / 1.2816
_SMALLEST = 1e-9

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Annotation:
    """One statistic of some texts: its column, the flag for those far out, and on which side far out is.

    `least_spread` keeps a corpus without variation from flagging trifles; on the low side it is relative.
    """

    column: str
    flag: str
    tail: Literal["low", "high"]
    least_spread: float
    values: Numbers


@dataclass(frozen=True)
class Judged:
    """Statistics by column, flags by document, and the threshold behind each flag by parser."""

    columns: Mapping[str, Numbers]
    flags: Sequence[tuple[str, ...]]
    thresholds: Mapping[str, Mapping[str, float]]


def filters(options: Mapping[str, Mapping[str, Any]]) -> list[tuple[Plugin, Any]]:
    """Return every filter with its config; `options` by name override defaults. Raises UsageError for unknown names."""
    for name in options:
        load("filter", name)
    plugins = [load("filter", name) for name in names("filter")]
    return [(plugin, load_config(plugin.config_type, options.get(plugin.name, {}), plugin.name)) for plugin in plugins]


def annotate(texts: Sequence[str], chosen: Iterable[tuple[Plugin, Any]]) -> list[Annotation]:
    """Return every chosen filter's statistic of these texts."""
    return [plugin.entry(texts, config) for plugin, config in chosen]


def joined(batches: Sequence[Sequence[Annotation]]) -> list[Annotation]:
    """Put the annotations of batches together, filter by filter."""
    by_filter = zip(*batches, strict=True)
    return [replace(parts[0], values=np.concatenate([part.values for part in parts])) for parts in by_filter]


def judge(annotations: Sequence[Annotation], parsers: Sequence[str]) -> Judged:
    """Flag documents far from the others of the same parser; groups under `LEAST_DOCUMENTS` are too small to judge."""
    flags: list[list[str]] = [[] for _ in parsers]
    thresholds: dict[str, dict[str, float]] = {}
    groups = np.array(parsers)
    for annotation in annotations:
        for parser in sorted(set(parsers)):
            members = np.flatnonzero(groups == parser)
            if len(members) < LEAST_DOCUMENTS:
                continue
            limit = threshold(annotation.values[members], annotation.tail, annotation.least_spread)
            thresholds.setdefault(annotation.flag, {})[parser] = round(limit, 6)
            values = annotation.values[members]
            for index in members[values > limit if annotation.tail == "high" else values < limit]:
                flags[index].append(annotation.flag)
    columns = {annotation.column: annotation.values for annotation in annotations}
    return Judged(columns, [tuple(each) for each in flags], thresholds)


def threshold(values: Numbers, tail: Literal["low", "high"], least_spread: float) -> float:
    """Return the value beyond which a document is far out on that side."""
    # Towards zero only ratios make sense: a tenth of the usual is far out, whatever the usual is.
    towards = values if tail == "high" else -np.log(np.maximum(values, _SMALLEST))
    median = float(np.median(towards))
    deviation = float(np.median(np.abs(towards - median))) * _MAD_TO_SIGMA
    upper = (float(np.quantile(towards, 0.9)) - median) * _NINETIETH_TO_SIGMA
    limit = median + DEVIATIONS * max(deviation, upper, least_spread)
    return limit if tail == "high" else float(np.exp(-limit))
