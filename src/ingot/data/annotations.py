"""Quality statistics that describe a corpus and judge it by its own standards.

Filters give each document numbers, decisions and words. What counts as far out is measured on the corpus: per parser
(code is not judged as prose) the median and a robust spread, and a document is flagged when it lies more than
`DEVIATIONS` spreads away. Nothing is dropped here: thresholds made for web pages would delete contracts and source
code, which are the point, so what they would say is written down beside the rest, to compare.
The spread is the scaled median absolute deviation (Rousseeuw and Croux, 1993), or the upper quantiles where that is
zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ingot.core.config import load as load_config
from ingot.core.errors import UsageError
from ingot.core.plugins import Plugin, load
from ingot.data.batch import TextBatch

DEVIATIONS = 5.0
LEAST_DOCUMENTS = 20
_MAD_TO_SIGMA = 1.4826
_NINETIETH_TO_SIGMA = 1 / 1.2816
_SMALLEST = 1e-9

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Values = Numbers | Flags | Sequence[str | None]


@dataclass(frozen=True, eq=False)
class Annotation:
    """One column about some texts: numbers, yes or no, or words and None.

    Numbers may be judged by the corpus: then `flag` names the documents far out, `tail` is the side that far out lies
    on, and `least_spread` keeps a corpus without variation from flagging trifles; on the low side it is relative.
    """

    column: str
    values: Values
    flag: str | None = None
    tail: Literal["low", "high"] = "high"
    least_spread: float = 0.0


def decision(name: str, checks: Sequence[tuple[str, Flags]]) -> list[Annotation]:
    """Return the two columns of a filter with thresholds: whether a text passes, and the first reason why not.

    `checks` are the reasons in order, each with the texts it refuses.
    """
    reasons: list[str | None] = [None] * len(checks[0][1])
    for reason, is_refused in reversed(checks):
        for place in np.flatnonzero(is_refused).tolist():
            reasons[place] = reason
    passes = np.array([reason is None for reason in reasons], np.bool_)
    return [Annotation(f"passes_{name}", passes), Annotation(f"{name}_reason", reasons)]


@dataclass(frozen=True)
class Judged:
    """Annotations by column, flags by document, and the threshold behind each flag by parser."""

    columns: Mapping[str, Values]
    flags: Sequence[tuple[str, ...]]
    thresholds: Mapping[str, Mapping[str, float]]


def filters(choices: Sequence[Mapping[str, Any]]) -> list[tuple[Plugin, Any]]:
    """Return the filters of `choices` ({"name", "options"}) with their configs. Raises UsageError for unknown names."""
    plugins = [(load("filter", choice["name"]), choice.get("options", {})) for choice in choices]
    return [(plugin, load_config(plugin.config_type, options, f"filter {plugin.name}")) for plugin, options in plugins]


def annotate(batch: TextBatch, chosen: Iterable[tuple[Plugin, Any]]) -> list[Annotation]:
    """Return what every chosen filter says of these texts. Raises UsageError when two of them say it by one name."""
    found: dict[str, Annotation] = {}
    for plugin, config in chosen:
        for annotation in plugin.entry(batch, config):
            if annotation.column in found:
                raise UsageError(
                    f"the column {annotation.column!r} would be there twice",
                    where=f"filter {plugin.name}",
                    fix="name each filter once, and the patterns of your own differently",
                )
            found[annotation.column] = annotation
    return list(found.values())


def judge(annotations: Sequence[Annotation], parsers: Sequence[str]) -> Judged:
    """Flag documents far from the others of the same parser; groups under `LEAST_DOCUMENTS` are too small to judge."""
    flags: list[list[str]] = [[] for _ in parsers]
    thresholds: dict[str, dict[str, float]] = {}
    groups = np.array(parsers)
    for annotation in annotations:
        if annotation.flag is None:
            continue
        numbers = np.asarray(annotation.values, np.float64)
        for parser in sorted(set(parsers)):
            members = np.flatnonzero(groups == parser)
            if len(members) < LEAST_DOCUMENTS:
                continue
            values = numbers[members]
            limit = threshold(values, annotation.tail, annotation.least_spread)
            thresholds.setdefault(annotation.flag, {})[parser] = round(limit, 6)
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
