"""How far a figure over some items may be from the one over all items of their kind: 95% intervals.

A share has Wilson's interval, which holds for few items and at 0 and 1 too; any other mean has a bootstrap over items.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVEL = 0.05
_MOST_NUMBERS = 1 << 22  # drawn at a time


@dataclass(frozen=True)
class Interval:
    """A figure over all documents and its 95% interval; `low` and `high` are None for a single document."""

    value: float
    low: float | None
    high: float | None


def wilson(right: int, items: int, level: float = LEVEL) -> Interval:
    """Return the share of `right` with its score interval (Wilson 1927; Newcombe 1998, method 3).

    >>> shown = wilson(81, 263)
    >>> f"{shown.low:.4f} {shown.high:.4f}"
    '0.2553 0.3662'
    """
    if items < 1:
        raise ValueError("no items have no share")
    z = NormalDist().inv_cdf(1 - level / 2)
    share = right / items
    middle = (share + z * z / (2 * items)) / (1 + z * z / items)
    half = z * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items)) / (1 + z * z / items)
    # At the ends the interval ends there exactly, which rounding may miss.
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Interval(share, 0.0 if right == 0 else low, 1.0 if right == items else high)


def bootstrap_mean(values: Sequence[float], resamples: int, seed: int, level: float = LEVEL) -> Interval:
    """Return the mean with its percentile bootstrap interval (Efron 1979); none for a single item."""
    means = resampled_means(np.asarray(values, np.float64), resamples, seed)
    value = float(np.mean(values))
    if len(values) < 2:
        return Interval(value, None, None)
    low, high = np.quantile(means, [level / 2, 1 - level / 2])
    return Interval(value, float(low), float(high))


def bits_per_byte(bits: Floats, sizes: NDArray[np.int64], resamples: int, seed: int) -> Interval:
    """Return total bits over total bytes, with the interval of 2.5% to 97.5% over resampled sets of documents."""
    value = float(bits.sum() / sizes.sum())
    if len(bits) < 2:
        return Interval(value, None, None)
    random = np.random.default_rng(seed)
    ratios = np.empty(resamples)
    for place in range(resamples):
        drawn = random.integers(0, len(bits), len(bits))
        ratios[place] = bits[drawn].sum() / sizes[drawn].sum()
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def resampled_means(values: Floats, resamples: int, seed: int) -> Floats:
    """Return the means of `resamples` sets of as many items, drawn with replacement."""
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    at_once = max(1, _MOST_NUMBERS // len(values))
    for first in range(0, resamples, at_once):
        some = min(at_once, resamples - first)
        means[first : first + some] = values[random.integers(0, len(values), (some, len(values)))].mean(axis=1)
    return means
