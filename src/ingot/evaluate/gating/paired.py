"""Is the second worse than the first by more than a margin? Two tests on the same items, and how many items they take.

For right and wrong answers:

    it is not    when the whole 95% interval of the difference lies above minus the margin (non-inferiority, one-sided
                 2.5%). The interval is Tango's (1998, Statistics in Medicine 17, 891-908): from the score test with the
                 disagreement that a difference of the margin would have, so that it holds with few or no disagreements
    it is worse  when the exact McNemar test says so, one-sided 2.5%: of the items that one alone has right, too many
                 are the first's for a fair coin. `p_worse` is how probable such a share is by chance

Both may fail to say anything: then there are too few items. Absence of evidence passes nobody. For other figures both
are a bootstrap of the differences (Efron & Tibshirani 1993, section 16.4). More is better: figures of which less is
better come with the sign changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ingot.evaluate.intervals import LEVEL, resampled_means, wilson

# Of each error: a second that is as good is called worse, one that is worse by the margin is called as good.
ERROR = LEVEL / 2
# With so many items as are asked for, each truth is found out this often: so 95 of 100 hold with some to spare.
POWER = 0.975
_RESAMPLES, _SEED = 10_000, 0
# A bootstrap of fewer differences makes its intervals too narrow (Hesterberg 2015, The American Statistician 69, 371).
_LEAST_RESAMPLED = 20
_NORMAL = NormalDist()
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Paired:
    """The mean difference, second less first, its 95% interval, and both answers.

    `disagreement` is the share of items that one alone has right, and None for figures that are no right and wrong;
    there `spread` is the standard deviation of the differences.
    """

    difference: float
    low: float
    high: float
    p_worse: float
    is_not_worse: bool
    items: int
    margin: float
    only_first: int = 0
    only_second: int = 0
    disagreement: float | None = None
    spread: float = 0.0


@dataclass(frozen=True)
class Needed:
    """How many items a margin takes, and between which numbers that lies, as the disagreement is only estimated."""

    items: int
    low: int
    high: int


def shares(first: Sequence[bool], second: Sequence[bool], margin: float) -> Paired:
    """Compare right and wrong answers to the same items."""
    pairs = list(zip(first, second, strict=True))
    lost = sum(one and not other for one, other in pairs)
    won = sum(other and not one for one, other in pairs)
    items = len(pairs)
    low, high = tango(lost, won, items)
    return Paired(
        difference=(won - lost) / items,
        low=low,
        high=high,
        p_worse=at_least(lost, lost + won, 0.5),
        is_not_worse=low > -margin,
        items=items,
        margin=margin,
        only_first=lost,
        only_second=won,
        disagreement=(lost + won) / items,
    )


def means(first: Floats, second: Floats, margin: float) -> Paired:
    """Compare other figures of the same items by a bootstrap of their differences; fewer than 20 tell nothing."""
    differences = second - first
    observed, items = float(differences.mean()), len(differences)
    if items < _LEAST_RESAMPLED:
        spread = float(differences.std())
        return Paired(observed, -math.inf, math.inf, 1.0, False, items, margin, spread=spread)
    resampled = resampled_means(differences, _RESAMPLES, _SEED)
    low, high = (float(end) for end in np.quantile(resampled, [LEVEL / 2, 1 - LEVEL / 2]))
    # Shifted to have no difference: how often would chance make one as bad? The observed one counts, too.
    as_bad = int((resampled - observed <= observed + 1e-15).sum())
    p_worse = (as_bad + 1) / (_RESAMPLES + 1) if differences.any() else 1.0
    spread = float(differences.std(ddof=1))
    return Paired(observed, low, high, p_worse, low > -margin, items, margin, spread=spread)


def at_least(count: int, of: int, share: float) -> float:
    """Return how probable so many or more are of so many draws, each with this probability.

    >>> round(at_least(8, 9, 0.5), 6)
    0.019531
    """
    if count <= 0:
        return 1.0
    if not 0 < share < 1:
        return float(share >= 1)
    logs = [_log_binomial(of, each, share) for each in range(count, of + 1)]
    return min(1.0, math.fsum(math.exp(each) for each in logs))


def tango(lost: int, won: int, items: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the score interval of the difference of two paired shares: all differences that the test lets stand."""
    z = _NORMAL.inv_cdf(1 - level / 2)
    observed = (won - lost) / items

    def is_far(difference: float) -> bool:
        return abs(observed - difference) > z * math.sqrt(_variance(lost, won, items, difference))

    return _end(is_far, observed, -1.0), _end(is_far, observed, 1.0)


def needed(paired: Paired, level: float = ERROR) -> Needed:
    """Return how many items tell a difference of the margin from none, both ways, with the power above.

    So many that a second that is worse by the margin is found out (`level` is one-sided: what false alarms are
    allowed), and that one that is as good is seen to be. After Connor (1987, Biometrics 43, 207-211), with the
    continuity correction that the exact test takes, and Liu et al. (2002, Statistics in Medicine 21, 231-245).
    """
    if paired.disagreement is None:
        variance = paired.spread**2
        count = _count(variance, variance, variance, paired.margin, level)
        return Needed(count, count, count)
    ends = wilson(paired.only_first + paired.only_second, paired.items)
    assert ends.low is not None, "Wilson's interval has both ends"
    assert ends.high is not None, "Wilson's interval has both ends"
    told = [items_needed(paired.margin, each, level) for each in (ends.value, ends.low, ends.high)]
    return Needed(*told)


def items_needed(margin: float, disagreement: float, level: float = ERROR) -> int:
    """Return how many items take a margin, when the two disagree on this share of them.

    >>> items_needed(0.03, disagreement=0.10)
    1766
    """
    # A difference of the margin is a disagreement of as much, at least.
    share = max(disagreement, margin)
    return _count(share, share - margin**2, _variance(share / 2, share / 2, 1, -margin), margin, level)


def _count(alike: float, apart: float, bound: float, margin: float, level: float) -> int:
    """Return the items; variances of one difference: of equals, of a second worse by the margin, of the score test."""
    at_level, at_pass, at_power = (_NORMAL.inv_cdf(1 - each) for each in (level, ERROR, 1 - POWER))
    spread = at_level * math.sqrt(alike) + at_power * math.sqrt(apart)
    to_find = ((spread + math.sqrt(spread**2 + 4 * margin)) / (2 * margin)) ** 2
    to_pass = ((at_pass * math.sqrt(bound) + at_power * math.sqrt(alike)) / margin) ** 2
    return math.ceil(max(to_find, to_pass))


def _variance(lost: float, won: float, items: float, difference: float) -> float:
    """Return the variance of the mean difference if the true one were this, from what was seen (Tango 1998, eq. 3)."""
    linear = lost * (1 - difference) + won * (1 + difference) - 2 * items * difference
    root = math.sqrt(max(0.0, linear**2 + 8 * items * lost * difference * (1 - difference)))
    only_first = (linear + root) / (4 * items)
    return max(0.0, (2 * only_first + difference - difference**2) / items)


def _end(is_far: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return where a difference begins to be too far from what was seen."""
    if not is_far(outside):
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if is_far(middle) else (middle, outside)
    return (inside + outside) / 2


def _log_binomial(of: int, count: int, share: float) -> float:
    ways = math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)
    return ways + count * math.log(share) + (of - count) * math.log1p(-share)
