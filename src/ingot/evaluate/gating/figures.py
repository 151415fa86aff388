"""Claims about a figure: not worse than that of the version in use, or at least, or at most, so much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingot.core.errors import UsageError
from ingot.evaluate.gating.answers import Asked, Line, compared, is_share, weighed
from ingot.evaluate.gating.claim import Claim
from ingot.evaluate.gating.paired import Paired, at_least, means
from ingot.evaluate.intervals import wilson
from ingot.evaluate.results import BITS_PER_BYTE

NOTHING_IN_COMMON = "the two were shown no item alike, so nothing can be compared"


def not_worse(kind: str, label: str, asked: Asked, metric: str, margin: float, error: str = "") -> Claim:
    """Return the claim that a metric is not worse than before by more than a margin; `asked` are items that have it.

    Where it is told as an error, the share of items that were not right, `error` is the name of that.
    """
    how = f"{error} not up" if error else f"{metric} not worse"
    demands = f"{label}: {how} by more than {said_margin(metric, asked, margin)}"
    if not asked.first:
        return Claim(kind, demands, NOTHING_IN_COMMON, missing="evaluate both with the same task and options")
    paired = compared(asked, metric, margin)
    found = said_difference(error or metric, metric, asked, paired, is_error=bool(error))
    return Claim(kind, demands, found, paired.is_not_worse, p_value=paired.p_worse, paired=paired)


def bounded(kind: str, label: str, lines: Sequence[Line], metric: str, limit: float, is_least: bool) -> Claim:
    """Return the claim that a metric is at least, or at most, so much."""
    word = "at least" if is_least else "at most"
    if not is_share(metric, lines):
        return _bounded_mean(kind, f"{label}: {metric} {word} {limit:g}", lines, metric, limit, is_least)
    if not 0 <= limit <= 1:
        fix = f"write {limit / 100:g} for {limit:g}%" if 1 < limit <= 100 else "give a share from 0 to 1"
        raise UsageError(f"{metric} is a share, and {word} {limit:g} is none", where=f"{kind}: {label}", fix=fix)
    items = len(lines)
    right = sum(int(line["scores"][metric]) for line in lines)
    ends = wilson(right, items)
    assert ends.low is not None, "Wilson's interval has both ends"
    assert ends.high is not None, "Wilson's interval has both ends"
    # So few right, or so many, as chance would seldom make them if the share were just what is demanded.
    p_value = at_least(items - right, items, 1 - limit) if is_least else at_least(right, items, limit)
    return Claim(
        kind,
        f"{label}: {metric} {word} {limit:.1%}",
        f"{metric} {ends.value:.1%} (95% interval {ends.low:.1%} to {ends.high:.1%}) over {items:,} items",
        ends.low >= limit if is_least else ends.high <= limit,
        p_value=p_value,
        figures={"value": round(ends.value, 6), "low": round(ends.low, 6), "high": round(ends.high, 6), "items": items},
    )


def said_margin(metric: str, asked: Asked, margin: float) -> str:
    """Return a margin in words: points of a share, or a share of what the version in use has."""
    is_points = is_share(metric, asked.first) and is_share(metric, asked.second)
    return _points(margin) if is_points or not asked.first else f"{100 * margin:.3g}% of its value"


def said_difference(name: str, metric: str, asked: Asked, paired: Paired, is_error: bool = False) -> str:
    """Return what a comparison found, in figures; of an error, how many were wrong, and how many more."""
    told = f"over {paired.items:,} items" + (
        f" ({asked.seen} that a training has read are left out)" * bool(asked.seen)
    )
    if asked.only_one:
        told += f"; {asked.only_one} were asked of one alone"
    first, second = (_value(side, metric) for side in (asked.first, asked.second))
    if paired.disagreement is None:
        return f"{name} {second:.4g}, was {first:.4g} {_interval(metric, paired)}{told}"
    low, middle, high = paired.low, paired.difference, paired.high
    if is_error:
        first, second, low, middle, high = 1 - first, 1 - second, -high, -middle, -low
    interval = f"95% interval {_signed(low)} to {_signed(high)}"
    return f"{name} {second:.1%}, was {first:.1%}: {_signed(middle)} points ({interval}) {told}"


def _signed(share: float) -> str:
    return f"{100 * share + 0.0:+.1f}"


def _points(margin: float) -> str:
    return "1 point" if margin == 0.01 else f"{100 * margin:.3g} points"


def _interval(metric: str, paired: Paired) -> str:
    if abs(paired.low) == float("inf"):
        return ""
    ends = (paired.low, paired.high) if metric != BITS_PER_BYTE else (-paired.high, -paired.low)
    return f"(95% interval of the difference {ends[0]:+.4g} to {ends[1]:+.4g}) "


def _value(lines: Sequence[Line], metric: str) -> float:
    return abs(float(weighed(lines, metric, lines).mean())) if metric == BITS_PER_BYTE else _mean(lines, metric)


def _mean(lines: Sequence[Line], metric: str) -> float:
    return float(np.mean([line["scores"][metric] for line in lines]))


def _bounded_mean(kind: str, demands: str, lines: Sequence[Line], metric: str, limit: float, is_least: bool) -> Claim:
    values = weighed(lines, metric, lines)
    value = _value(lines, metric)
    if metric == BITS_PER_BYTE:
        values = -values
    sign = 1.0 if is_least else -1.0
    # Held against the limit as against another model that has just this for every item.
    paired = means(np.full(len(values), sign * limit), sign * values, 0.0)
    found = f"{metric} {value:.4g} over {len(lines):,} items"
    return Claim(kind, demands, found, paired.is_not_worse, p_value=paired.p_worse, figures={"value": round(value, 6)})
