"""Calibration and abstention are what brute force over every bin and every threshold says."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ingot.evaluate.calibration import calibration_error, confidences, measured, reliability, risk_coverage
from ingot.evaluate.results import Result


def drawn(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return confidences, many of them equal, and answers that are right about as often as they say."""
    random = np.random.default_rng(seed)
    confidence = random.integers(1, 21, count) / 20
    return confidence, random.random(count) < confidence


@pytest.mark.parametrize("seed", range(5))
def test_the_error_is_the_sum_over_all_bins(seed: int) -> None:
    confidence, is_right = drawn(seed)
    expected = 0.0
    for place in range(10):
        low, high = place / 10, (place + 1) / 10
        inside = [n for n, each in enumerate(confidence) if low < each <= high]
        if inside:
            gap = np.mean(is_right[inside]) - np.mean(confidence[inside])
            expected += len(inside) / len(confidence) * abs(gap)
    bins = reliability(confidence, is_right)
    assert calibration_error(bins) == pytest.approx(expected)
    assert sum(each.items for each in bins) == len(confidence)


@pytest.mark.parametrize("seed", range(5))
def test_the_curve_is_that_of_every_threshold(seed: int) -> None:
    confidence, is_right = drawn(seed)
    curve = risk_coverage(confidence, is_right)
    thresholds = sorted(set(confidence.tolist()), reverse=True)
    for place, threshold in enumerate(thresholds):
        answered = confidence >= threshold
        assert curve.coverage[place] == pytest.approx(answered.mean())
        assert curve.risk[place] == pytest.approx((~is_right[answered]).mean())
    for risk in (0.0, 0.1, 0.3, 1.0):
        allowed = [(confidence >= t).mean() for t in thresholds if (~is_right[confidence >= t]).mean() <= risk]
        assert curve.coverage_at(risk) == pytest.approx(max(allowed, default=0.0))


def test_the_area_is_the_mean_over_all_orders_of_what_is_equal() -> None:
    confidence = np.array([0.9, 0.5, 0.5, 0.5, 0.2])
    is_right = np.array([True, False, True, True, False])
    areas = []
    for order in itertools.permutations(range(5)):
        if list(confidence[list(order)]) == sorted(confidence, reverse=True):
            wrong = np.cumsum(~is_right[list(order)])
            areas.append(np.mean(wrong / np.arange(1, 6)))
    curve = risk_coverage(confidence, is_right)
    assert curve.area == pytest.approx(np.mean(areas))
    best = sorted(is_right, reverse=True)
    assert curve.least == pytest.approx(np.mean(np.cumsum(~np.array(best)) / np.arange(1, 6)))
    assert curve.least <= curve.area
    assert curve.chance == pytest.approx(0.4)


def test_who_is_sure_of_nothing_else_gains_nothing_by_silence() -> None:
    curve = risk_coverage(np.full(10, 0.5), np.arange(10) < 7)
    assert curve.area == pytest.approx(0.3)
    assert curve.coverage_at(0.2) == 0


def result(number: int, weights: tuple[float, ...], accuracy: float) -> Result:
    return Result(str(number), "", "", "a", "a", {"accuracy": accuracy}, weights)


def test_confidence_is_the_probability_among_the_choices() -> None:
    results = [
        result(1, (math.log(3) - 50, -50.0), 1.0),
        result(2, (-4000.0, -4000.0, -4000.0, -4000.0), 0.0),
        Result("filled", "", "", "", "", {"accuracy": 1.0}, (-3.0,)),  # one text alone has no rivals
        Result("leaning", "", "", "", "", {"share_stereotyped": 1.0}, (-3.0, -4.0)),
    ]
    confidence, is_right = confidences(results)
    assert confidence == pytest.approx([0.75, 0.25])
    assert is_right.tolist() == [True, False]
    told = measured(results)
    assert told is not None
    assert (told["items"], told["accuracy"], told["confidence"]) == (2, 0.5, 0.5)
    assert told["expected_calibration_error"] == pytest.approx(0.25)
    assert measured(results[2:]) is None
