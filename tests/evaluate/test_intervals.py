"""Intervals against published figures, and as often right as they say."""

from __future__ import annotations

import numpy as np
import pytest

from ingot.evaluate.intervals import bootstrap_mean, wilson


@pytest.mark.parametrize(
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3.
    ("right", "items", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_the_published_one(right: int, items: int, low: float, high: float) -> None:
    found = wilson(right, items)
    assert found.low is not None
    assert found.high is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_wilsons_interval_ends_where_shares_end() -> None:
    assert wilson(7, 7).high == 1
    assert wilson(0, 7).low == 0
    with pytest.raises(ValueError, match="no items"):
        wilson(0, 0)


def test_a_bootstrap_is_near_the_interval_of_a_normal_mean() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    found = bootstrap_mean(values.tolist(), 4000, seed=1)
    error = values.std(ddof=1) / 20
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(
        (values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.2 * error
    )
    assert bootstrap_mean([1.0], 10, 0).low is None
    assert bootstrap_mean(values.tolist(), 4000, seed=1) == found
