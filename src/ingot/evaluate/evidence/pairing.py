"""One arm against another on the same documents: how many bits fewer it needs, and how sure that is.

The interval is a bootstrap over documents, both arms with the same ones (Efron & Tibshirani 1993, section 16.4). With
several seeds those are drawn too, for each arm by itself, so that luck with a start is part of the interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ingot.evaluate.intervals import Interval

Floats = NDArray[np.float64]
Verdict = Literal["better", "worse", "alike", "unsure"]
_MOST_NUMBERS = 1 << 22  # drawn at a time


@dataclass(frozen=True)
class Bits:
    """What an arm needs for each document with each seed, [seeds, documents], and the documents' bytes."""

    bits: Floats
    sizes: NDArray[np.int64]

    @property
    def by_seed(self) -> list[float]:
        """Bits per byte of each seed."""
        return [float(each) for each in self.bits.sum(1) / self.sizes.sum()]

    @property
    def value(self) -> float:
        """Bits per byte, the mean over the seeds."""
        return float(np.mean(self.by_seed))

    def take(self, numbers: Sequence[int]) -> Bits:
        """Return the same of some documents."""
        return Bits(self.bits[:, list(numbers)], self.sizes[list(numbers)])


def figure(arm: Bits, resamples: int, seed: int, level: float) -> Interval:
    """Return an arm's bits per byte with its interval over documents and seeds; none for a single document."""
    if len(arm.sizes) < 2:
        return Interval(arm.value, None, None)
    sums, sizes = _resampled([arm], resamples, seed)
    return _between(arm.value, sums[0] / sizes, level)


def fewer(first: Bits, second: Bits, resamples: int, seed: int, level: float) -> Interval:
    """Return the share of bits that the first arm needs fewer than the second; negative when it needs more."""
    value = 1 - first.value / second.value
    if len(first.sizes) < 2:
        return Interval(value, None, None)
    (ours, theirs), _ = _resampled([first, second], resamples, seed)
    return _between(value, 1 - ours / theirs, level)


def verdict(share: Interval, alike: float) -> Verdict:
    """Say what an interval of a share shows; `alike` is below what a difference matters from.

    >>> verdict(Interval(0.05, 0.03, 0.07), 0.02), verdict(Interval(0.01, -0.01, 0.015), 0.02)
    ('better', 'alike')
    """
    if share.low is None or share.high is None:
        return "unsure"
    if -alike < share.low and share.high < alike:
        return "alike"
    if share.low > 0:
        return "better"
    return "worse" if share.high < 0 else "unsure"


def by_name(arm: Bits, names: Sequence[str], least: int) -> Mapping[str, Bits]:
    """Return the parts of an arm's documents that have a name in common, those of at least so many."""
    found: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        found.setdefault(name, []).append(number)
    return {name: arm.take(numbers) for name, numbers in sorted(found.items()) if name and len(numbers) >= least}


def _resampled(arms: Sequence[Bits], resamples: int, seed: int) -> tuple[list[Floats], Floats]:
    """Return each arm's mean sum of bits over resampled documents and seeds, and the documents' bytes."""
    random = np.random.default_rng(seed)
    documents = len(arms[0].sizes)
    chosen = [random.integers(0, len(arm.bits), (resamples, len(arm.bits))) for arm in arms]
    sums, sizes = [np.empty(resamples) for _ in arms], np.empty(resamples)
    at_once = max(1, _MOST_NUMBERS // documents)
    for first in range(0, resamples, at_once):
        some = slice(first, min(first + at_once, resamples))
        drawn = random.integers(0, documents, (some.stop - first, documents))
        sizes[some] = arms[0].sizes[drawn].sum(1)
        for arm, total, seeds in zip(arms, sums, chosen, strict=True):
            each = np.stack([bits[drawn].sum(1) for bits in arm.bits], axis=1)
            total[some] = np.take_along_axis(each, seeds[some], axis=1).mean(1)
    return sums, sizes


def _between(value: float, resampled: Floats, level: float) -> Interval:
    low, high = np.quantile(resampled, [level / 2, 1 - level / 2])
    return Interval(value, float(low), float(high))
