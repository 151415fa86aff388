"""Logistic regression on sparse rows: few examples, many features, no dependency and no chance.

L2-regularised, solved by a truncated Newton method: the step is found by conjugate gradients and halved until the loss
falls (Lin, Weng and Keerthi, 2008, "Trust region Newton method for large-scale logistic regression", with a line search
in place of the region). The problem is strictly convex, so the answer is one and depends on no seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_MOST_NEWTON_STEPS, _MOST_CONJUGATE_STEPS, _MOST_HALVINGS = 50, 60, 30
_TOLERANCE, _CONJUGATE_TOLERANCE, _LEAST_DECREASE = 1e-5, 0.1, 1e-4


@dataclass(frozen=True, eq=False)
class Rows:
    """A sparse matrix: which row and column each value stands in, sorted by rows."""

    row: Integers
    column: Integers
    value: Numbers
    shape: tuple[int, int]

    def times(self, vector: Numbers) -> Numbers:
        """Return the matrix times a vector."""
        return np.bincount(self.row, self.value * vector[self.column], self.shape[0]).astype(np.float64)

    def transposed_times(self, vector: Numbers) -> Numbers:
        """Return the transposed matrix times a vector."""
        return np.bincount(self.column, self.value * vector[self.row], self.shape[1]).astype(np.float64)

    def take(self, numbers: Integers) -> Rows:
        """Return some of the rows, in ascending order."""
        place = np.full(self.shape[0], -1, np.int64)
        place[numbers] = np.arange(len(numbers))
        chosen = place[self.row] >= 0
        return Rows(place[self.row[chosen]], self.column[chosen], self.value[chosen], (len(numbers), self.shape[1]))


def rows_of(features: Sequence[tuple[Integers, Numbers]], columns: int) -> Rows:
    """Return a matrix of rows given as columns and values."""
    lengths = [len(each) for each, _ in features]
    column = np.concatenate([np.empty(0, np.int64), *(each for each, _ in features)])
    value = np.concatenate([np.empty(0), *(each for _, each in features)])
    return Rows(np.repeat(np.arange(len(features)), lengths), column, value, (len(features), columns))


def fit(rows: Rows, is_positive: Booleans, penalty: float) -> Numbers:
    """Return the weights that minimise the loss; both classes count the same, however many examples they have."""
    importance = balanced(is_positive)
    target = is_positive.astype(np.float64)
    weights = np.zeros(rows.shape[1])
    first = 0.0
    for step in range(_MOST_NEWTON_STEPS):
        chance = probability(rows.times(weights))
        gradient = rows.transposed_times(importance * (chance - target)) + penalty * weights
        size = float(np.linalg.norm(gradient))
        first = first if step else size
        if size <= _TOLERANCE * first:
            break
        curvature = importance * chance * (1 - chance)

        def curved(vector: Numbers, curvature: Numbers = curvature) -> Numbers:
            return rows.transposed_times(curvature * rows.times(vector)) + penalty * vector

        direction = _conjugate(curved, -gradient)
        weights = _lower(rows, target, importance, penalty, weights, direction, float(gradient @ direction))
    return weights


def balanced(is_positive: Booleans) -> Numbers:
    """Return the importance of every example, 1 on average, so that both classes have half of it."""
    positive = float(np.count_nonzero(is_positive))
    negative = len(is_positive) - positive
    return np.where(is_positive, len(is_positive) / (2 * max(positive, 1)), len(is_positive) / (2 * max(negative, 1)))


def probability(scores: Numbers) -> Numbers:
    """Return the logistic function, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(scores / 2)))


def log_loss(scores: Numbers, target: Numbers, importance: Numbers) -> float:
    """Return the sum of the negative log probabilities of what is true."""
    return float(np.sum(importance * (np.logaddexp(0, scores) - target * scores)))


def area_under_curve(scores: Numbers, is_positive: Booleans) -> float:
    """Return how probable it is that a positive example scores above a negative one, ties counted half.

    >>> area_under_curve(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875
    """
    _, number, times = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(times) - (times - 1) / 2)[number]
    positive = int(np.count_nonzero(is_positive))
    pairs = positive * (len(scores) - positive)
    return float((rank[is_positive].sum() - positive * (positive + 1) / 2) / pairs) if pairs else float("nan")


def _conjugate(curved: Callable[[Numbers], Numbers], wanted: Numbers) -> Numbers:
    """Return about the x with curved(x) = wanted."""
    found = np.zeros_like(wanted)
    rest, way = wanted.copy(), wanted.copy()
    size = float(rest @ rest)
    least = size * _CONJUGATE_TOLERANCE**2
    for _ in range(_MOST_CONJUGATE_STEPS):
        if size <= least:
            break
        image = curved(way)
        length = size / float(way @ image)
        found += length * way
        rest -= length * image
        before, size = size, float(rest @ rest)
        way = rest + (size / before) * way
    return found


def _lower(
    rows: Rows, target: Numbers, importance: Numbers, penalty: float, weights: Numbers, way: Numbers, slope: float
) -> Numbers:
    """Return the weights some way on, where the loss is lower."""

    def loss(at: Numbers) -> float:
        return log_loss(rows.times(at), target, importance) + 0.5 * penalty * float(at @ at)

    now = loss(weights)
    for halving in range(_MOST_HALVINGS):
        length = 0.5**halving
        if loss(weights + length * way) <= now + _LEAST_DECREASE * length * slope:
            return weights + length * way
    return weights
