"""The solution is the one where the gradient vanishes, and the figures are those of their definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.data.logistic import Numbers, area_under_curve, balanced, fit, log_loss, probability, rows_of

DENSE = np.random.default_rng(0).normal(size=(40, 6)) * (np.random.default_rng(1).random((40, 6)) < 0.5)
IS_POSITIVE = DENSE @ np.array([1.0, -2.0, 0.5, 0.0, 3.0, -1.0]) + np.random.default_rng(2).normal(size=40) > 0.3


def sparse(dense: Numbers) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.flatnonzero(row), row[row != 0]) for row in dense]


def test_rows_multiply_as_a_dense_matrix_does() -> None:
    rows = rows_of(sparse(DENSE), 6)
    vector = np.arange(6.0)
    assert np.allclose(rows.times(vector), DENSE @ vector)
    assert np.allclose(rows.transposed_times(np.arange(40.0)), DENSE.T @ np.arange(40.0))
    some = np.array([3, 7, 39])
    assert np.allclose(rows.take(some).times(vector), DENSE[some] @ vector)


@pytest.mark.parametrize("penalty", [0.01, 1.0, 100.0])
def test_the_gradient_vanishes(penalty: float) -> None:
    weights = fit(rows_of(sparse(DENSE), 6), IS_POSITIVE, penalty)
    error = balanced(IS_POSITIVE) * (probability(DENSE @ weights) - IS_POSITIVE)
    assert np.allclose(DENSE.T @ error + penalty * weights, 0, atol=1e-3)


def test_no_step_lowers_the_loss() -> None:
    weights = fit(rows_of(sparse(DENSE), 6), IS_POSITIVE, 0.5)
    importance, target = balanced(IS_POSITIVE), IS_POSITIVE.astype(np.float64)

    def loss(at: Numbers) -> float:
        return log_loss(DENSE @ at, target, importance) + 0.25 * float(at @ at)

    for step in np.random.default_rng(3).normal(size=(20, 6)) * 0.01:
        assert loss(weights + step) >= loss(weights)


def test_separable_examples_do_no_harm() -> None:
    rows = rows_of([(np.array([0]), np.array([1.0])), (np.array([0]), np.array([-1.0]))], 1)
    weights = fit(rows, np.array([True, False]), 1e-3)
    assert np.isfinite(weights).all()
    assert weights[0] > 1


def test_both_kinds_count_the_same() -> None:
    importance = balanced(np.array([True, False, False, False]))
    assert np.isclose(importance.sum(), 4)
    assert np.isclose(importance[0], importance[1:].sum())


@settings(max_examples=100, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=20))
def test_the_area_is_the_share_of_pairs_in_order(pairs: list[tuple[int, bool]]) -> None:
    scores, kinds = np.array([score for score, _ in pairs], float), np.array([kind for _, kind in pairs])
    product = list(itertools.product(scores[kinds], scores[~kinds]))
    expected = sum((high > low) + 0.5 * (high == low) for high, low in product) / len(product) if product else np.nan
    assert area_under_curve(scores, kinds) == pytest.approx(expected, nan_ok=True)


def test_large_scores_do_not_overflow() -> None:
    assert probability(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]
