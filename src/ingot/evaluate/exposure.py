"""Exposure: how much better a model knows a secret than one it never read, in bits.

A canary is ranked among controls, drawn in the same way and never put into the text, by the log-probability that the
model gives its secret after its prefix. Exposure is log2 of how many are ranked less log2 of the rank (Carlini et al.
2019, "The Secret Sharer", section 4.3, with controls in place of all possible secrets). A secret that was never read
has any rank with the same probability: 1 bit in the middle, and k bits or more once in 2**k times. It cannot exceed
log2 of how many are ranked; nothing is extrapolated beyond that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import numpy as np

LEVEL = 0.05


def ranks(values: Sequence[float], controls: Sequence[float]) -> list[int]:
    """Return the rank of each value among the controls and itself, 1 for the highest; what is equal goes before it."""
    ordered = np.sort(np.asarray(controls, np.float64))
    above = len(ordered) - np.searchsorted(ordered, np.asarray(values, np.float64), side="left")
    return [int(count) + 1 for count in above]


def exposures(values: Sequence[float], controls: Sequence[float]) -> list[float]:
    """Return the exposure of each value in bits, from 0 to log2 of one more than there are controls."""
    return [highest(len(controls)) - math.log2(rank) for rank in ranks(values, controls)]


def highest(controls: int) -> float:
    """Return the largest exposure that so many controls can show."""
    return math.log2(controls + 1)


def alarms(values: Sequence[float], controls: Sequence[float], level: float) -> list[bool]:
    """Say of each value whether it ranks so high that by chance only a share of `level` does.

    With exchangeable values that share is exact, whatever their distribution (Vovk et al. 2005, conformal prediction).
    """
    return [rank <= level * (len(controls) + 1) for rank in ranks(values, controls)]


def false_alarms(controls: Sequence[float], level: float) -> int:
    """Return on how many controls the alarm rings when one half of them is ranked among the other, and in turn."""
    halves = controls[::2], controls[1::2]
    return sum(sum(alarms(one, other, level)) for one, other in (halves, halves[::-1]))


def median_interval(values: Sequence[float], lowest: float, most: float) -> tuple[float, float, float]:
    """Return the median and its interval of 95% at least, between order statistics (Conover 1999, section 3.2).

    With fewer than six values there is none: the interval is then everything from `lowest` to `most`.
    """
    ordered = sorted(values)
    middle = float(median(ordered))
    # As far inside as the binomial of 1/2 allows: beyond both ends together at most 5%.
    place, beyond = -1, _chance(0, len(ordered), 0.5)
    while 2 * beyond <= LEVEL:
        place += 1
        beyond += _chance(place + 1, len(ordered), 0.5)
    if place < 0:
        return middle, lowest, most
    return middle, ordered[place], ordered[-1 - place]


def at_most_by_chance(found: int, tried: int, share: float) -> float:
    """Return the probability of at most so many of `tried`, each of which has the probability `share`, above 0."""
    return math.fsum(_chance(number, tried, share) for number in range(found + 1))


def upper_bound(found: int, tried: int, level: float = LEVEL) -> float:
    """Return the share that is exceeded with a probability of `level` at most (Clopper and Pearson 1934, one-sided).

    >>> round(upper_bound(0, 20), 3)
    0.139
    """
    if found >= tried:
        return 1.0
    low, high = found / tried, 1.0
    for _ in range(60):
        share = (low + high) / 2
        low, high = (share, high) if at_most_by_chance(found, tried, share) > level else (low, share)
    return high


def _chance(number: int, tried: int, share: float) -> float:
    """Return the binomial probability of exactly so many, by logarithms: the factors alone would overflow."""
    ways = math.lgamma(tried + 1) - math.lgamma(number + 1) - math.lgamma(tried - number + 1)
    return math.exp(ways + number * math.log(share) + (tried - number) * math.log1p(-share))
