"""Whether two models that were asked the same items differ, and how many items it takes to tell.

The same items are harder or easier for both, so what counts is where they differ. For right and wrong that is McNemar's
test, exact: of the items that one alone has right, is the share of the first model's so far from a half that chance
would seldom make it so? For other figures it is a bootstrap of the differences.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ingot.evaluate.bits import Interval
from ingot.evaluate.intervals import LEVEL, resampled_means, wilson


@dataclass(frozen=True)
class Paired:
    """The mean difference, second less first, its 95% interval, and how probable such a one is by chance alone."""

    difference: float
    low: float
    high: float
    p_value: float
    test: str
    items: int
    only_first: int = 0
    only_second: int = 0


def mcnemar(first: Sequence[bool], second: Sequence[bool], level: float = LEVEL) -> Paired:
    """Compare right and wrong answers to the same items, by the exact test (McNemar 1947, two-sided binomial).

    The interval is Newcombe's for differences of paired shares (1998, Statistics in Medicine 17, 2635-2650, method 10).
    """
    pairs = list(zip(first, second, strict=True))
    only_first = sum(one and not other for one, other in pairs)
    only_second = sum(other and not one for one, other in pairs)
    low, high = _newcombe(sum(one and other for one, other in pairs), only_first, only_second, len(pairs), level)
    p_value = binomial_two_sided(only_first, only_first + only_second)
    difference = (only_second - only_first) / len(pairs)
    return Paired(difference, low, high, p_value, "McNemar, exact", len(pairs), only_first, only_second)


def bootstrap_difference(
    first: Sequence[float], second: Sequence[float], resamples: int, seed: int, level: float = LEVEL
) -> Paired:
    """Compare figures of the same items by a bootstrap of their differences (Efron & Tibshirani 1993, section 16.4).

    The probability is that of a mean as far from 0 when the differences are shifted to have none.
    """
    differences = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    observed = float(differences.mean())
    means = resampled_means(differences, resamples, seed)
    low, high = np.quantile(means, [level / 2, 1 - level / 2])
    as_far = int((np.abs(means - observed) >= abs(observed) - 1e-15).sum())
    # Counting the observed one too keeps the probability above 0, which no number of resamples could show.
    p_value = (as_far + 1) / (resamples + 1) if differences.any() else 1.0
    better, worse = int((differences > 0).sum()), int((differences < 0).sum())
    return Paired(observed, float(low), float(high), p_value, "paired bootstrap", len(differences), worse, better)


def binomial_two_sided(some: int, of: int) -> float:
    """Return how probable it is that a fair coin falls as unevenly as this.

    >>> round(binomial_two_sided(1, 9), 6)
    0.039062
    """
    fewer = min(some, of - some)
    tail = sum(math.comb(of, each) for each in range(fewer + 1))
    # Whole numbers until the end: for thousands of items a term is too small for a float, and its sum is not.
    return min(1.0, (2 * tail) / (1 << of))


def items_needed(difference: float, disagreement: float, power: float = 0.95, level: float = LEVEL) -> int:
    """Return how many items show such a difference with this probability (Connor 1987, Biometrics 43, 207-211).

    `disagreement` is the share of items that one of the two alone has right; it is at least the difference.

    >>> items_needed(0.1, 0.25, power=0.8)
    194
    """
    if not 0 < abs(difference) <= disagreement <= 1:
        raise ValueError("a difference is more than 0 and at most the share of items where the two disagree")
    normal = NormalDist()
    at_level, at_power = normal.inv_cdf(1 - level / 2), normal.inv_cdf(power)
    spread = math.sqrt(disagreement - difference * difference)
    return math.ceil(((at_level * math.sqrt(disagreement) + at_power * spread) / difference) ** 2)


def _newcombe(both: int, only_first: int, only_second: int, items: int, level: float) -> tuple[float, float]:
    one, other = both + only_first, both + only_second
    first, second = wilson(one, items, level), wilson(other, items, level)
    (first_low, first_high), (second_low, second_high) = _ends(first), _ends(second)
    neither = items - both - only_first - only_second
    product = one * other * (items - one) * (items - other)
    excess = both * neither - only_first * only_second
    # Method 10: correct the correlation for continuity when it is positive.
    corrected = max(excess - items / 2, 0.0) if excess > 0 else float(excess)
    correlation = corrected / math.sqrt(product) if product else 0.0
    up, down = second_high - second.value, second.value - second_low
    first_up, first_down = first_high - first.value, first.value - first_low
    difference = second.value - first.value
    low = difference - math.sqrt(max(0.0, down**2 - 2 * correlation * down * first_up + first_up**2))
    high = difference + math.sqrt(max(0.0, up**2 - 2 * correlation * up * first_down + first_down**2))
    return max(-1.0, low), min(1.0, high)


def _ends(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None, "Wilson's interval has both ends"
    assert interval.high is not None, "Wilson's interval has both ends"
    return interval.low, interval.high
