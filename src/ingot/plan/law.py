"""A scaling law from a few pilot runs: how good a model gets with its size and with what it has read.

    bits per byte = E + A * (parameters / N0)^-a + B * (tokens / T0)^-b        (Hoffmann et al., 2022, equation 2)

Five numbers cannot be had from two or three small runs alone. How fast the two parts fall (a and b) differs little
from corpus to corpus, so they are taken from a grid, each pair with a prior weight. How large the parts are differs
much, but less so beside one another: the planner's law (forecast.py) says which share of the figure each should be for
a run like the longest pilot, and that is the prior of E, A and B, which are fitted for each pair by weighted least
squares. Every pair then counts by how well it explains the pilots (Bayesian model averaging), and the spread of what
they all predict is the band. It is the same idea as a bootstrap over fits (Besiroglu et al., 2024) and gives the same
numbers every time.

A run that is off the law is weighed down as Huber's loss does, so that one bad pilot does not bend it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from ingot.core.errors import InputError
from ingot.plan.forecast import DATA_FACTOR, DATA_POWER, IRREDUCIBLE, SIZE_FACTOR, SIZE_POWER

Array = npt.NDArray[np.float64]

# Standard deviations of the powers, and of the shares of E, A and B in the figure of the longest pilot. On five corpora
# the data's power, taken for itself, lay between 0.23 and 0.33 (benchmarks/train_forecast.py).
DATA_POWER_SPREAD, SIZE_POWER_SPREAD, SHARE_SPREAD = 0.05, 0.10, 0.15
# Bytes of text that a token stands for, by and large: the shares hardly depend on it.
_TOKEN_BYTES = 3.5
# How far a run of this kind lies from any smooth law, as a share of its figure.
NOISE = 0.007
_HUBER = 1.5
_ROUNDS = 5
_GRID = np.linspace(-2.0, 2.0, 9)
_SEED, _DRAWS = 0, 4000


@dataclass(frozen=True)
class Pilot:
    """A finished run: its parameters, the tokens it read (each counted by its share of the peak rate), its figure."""

    parameters: float
    tokens: float
    bits_per_byte: float


@dataclass(frozen=True)
class Predicted:
    """A figure and the band it falls into nine times of ten."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class _Fit:
    """E, A, B for one pair of powers: mean, covariance, and the logarithm of its weight."""

    size_power: float
    data_power: float
    mean: Array
    covariance: Array
    weight: float


@dataclass(frozen=True, eq=False)
class Law:
    """What the pilots say, for every pair of powers."""

    fits: tuple[_Fit, ...]
    parameters: float
    tokens: float

    def at(self, parameters: float, tokens: float) -> Predicted:
        """Return what a run of this size and this many tokens will come to."""
        means, spreads, weights = [], [], []
        for fit in self.fits:
            row = _row(parameters / self.parameters, tokens / self.tokens, fit.size_power, fit.data_power)
            means.append(float(row @ fit.mean))
            # The run that is predicted is no smoother than the pilots were.
            spreads.append(math.sqrt(float(row @ fit.covariance @ row) + (NOISE * means[-1]) ** 2))
            weights.append(fit.weight)
        shares = _normalised(weights)
        value = float(shares @ np.array(means))
        low, high = _quantiles(np.array(means), np.array(spreads), shares)
        return Predicted(value, low, high)


def fit(pilots: Sequence[Pilot]) -> Law:
    """Return the law of some pilots. Raises InputError when they are too few to say anything."""
    if len({pilot.tokens for pilot in pilots}) < 2:
        raise InputError(
            f"{len(pilots)} pilot run(s) of one length cannot say how a longer one ends",
            where="forecast",
            why="a forecast follows how the figure falls as runs get longer",
            fix="give it pilots of at least two lengths",
        )
    largest = max(pilots, key=lambda pilot: (pilot.parameters, pilot.tokens))
    size, tokens = largest.parameters, max(pilot.tokens for pilot in pilots)
    longest = max(pilots, key=lambda pilot: (pilot.tokens, pilot.parameters))
    prior = _prior(longest)
    found = tuple(_fit(pilots, (size, tokens), prior, *powers) for powers in _powers())
    return Law(found, size, tokens)


def _powers() -> list[tuple[float, float, float]]:
    """Return pairs of powers with the logarithm of their prior weight."""
    return [
        (
            max(SIZE_POWER + SIZE_POWER_SPREAD * u, 0.05),
            max(DATA_POWER + DATA_POWER_SPREAD * v, 0.05),
            -0.5 * (u * u + v * v),
        )
        for u, v in product(_GRID[::2], _GRID)
    ]


def _prior(longest: Pilot) -> tuple[Array, Array]:
    """Return means and standard deviations of E, A and B: shares of a figure, as the planner's law has them."""
    size = SIZE_FACTOR * longest.parameters**-SIZE_POWER
    data = DATA_FACTOR * (longest.tokens * _TOKEN_BYTES) ** -DATA_POWER
    parts = np.array([IRREDUCIBLE, size, data])
    return longest.bits_per_byte * parts / parts.sum(), np.full(3, SHARE_SPREAD * longest.bits_per_byte)


def _fit(
    pilots: Sequence[Pilot],
    at: tuple[float, float],
    known: tuple[Array, Array],
    a: float,
    b: float,
    prior_weight: float,
) -> _Fit:
    """Fit E, A, B (the last two `at` a size and tokens) by iteratively reweighted least squares with their priors."""
    (size, tokens), (prior, spread) = at, known
    rows = np.array([_row(pilot.parameters / size, pilot.tokens / tokens, a, b) for pilot in pilots])
    figures = np.array([pilot.bits_per_byte for pilot in pilots])
    noise = NOISE * figures
    weights = np.ones(len(pilots))
    for _ in range(_ROUNDS):
        precision = rows.T @ (rows * (weights / noise**2)[:, None]) + np.diag(spread**-2)
        covariance = np.linalg.inv(precision)
        mean = covariance @ (rows.T @ (figures * weights / noise**2) + prior / spread**2)
        off = np.abs(figures - rows @ mean) / noise
        weights = np.minimum(1.0, _HUBER / np.maximum(off, 1e-9))
    # How likely the pilots are under this pair of powers, whatever E, A and B.
    spread_of_figures = rows @ np.diag(spread**2) @ rows.T + np.diag(noise**2 / weights)
    gap = figures - rows @ prior
    evidence = -0.5 * (gap @ np.linalg.solve(spread_of_figures, gap) + np.linalg.slogdet(spread_of_figures)[1])
    return _Fit(a, b, mean.astype(np.float64), covariance.astype(np.float64), float(evidence) + prior_weight)


def _row(size_ratio: float, token_ratio: float, a: float, b: float) -> Array:
    return np.array([1.0, size_ratio**-a, token_ratio**-b])


def _normalised(logarithms: Sequence[float]) -> Array:
    weights = np.exp(np.array(logarithms) - max(logarithms))
    shares: Array = weights / weights.sum()
    return shares


def _quantiles(means: Array, spreads: Array, shares: Array) -> tuple[float, float]:
    """Return the 5% and 95% quantiles of a mixture of normal distributions, from draws that are always the same."""
    random = np.random.default_rng(_SEED)
    chosen = random.choice(len(means), _DRAWS, p=shares)
    low, high = np.quantile(means[chosen] + spreads[chosen] * random.standard_normal(_DRAWS), [0.05, 0.95])
    return float(low), float(high)
