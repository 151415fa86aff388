"""Exposure against counting by hand, and intervals and bounds against what is published or drawn."""

from __future__ import annotations

import math
import random

import pytest

from ingot.evaluate.exposure import (
    alarms,
    at_most_by_chance,
    exposures,
    false_alarms,
    highest,
    median_interval,
    ranks,
    upper_bound,
)


def counted_rank(value: float, controls: list[float]) -> int:
    """Count the controls that are at least as probable: slow, and obviously right."""
    return 1 + sum(1 for other in controls if other >= value)


def test_ranks_are_those_that_counting_finds_with_ties_and_without() -> None:
    lot = random.Random(0)
    controls = [round(lot.gauss(0, 1), 1) for _ in range(101)]
    values = [lot.gauss(0, 1.5) for _ in range(50)] + controls[:10] + [-math.inf, math.inf]
    assert ranks(values, controls) == [counted_rank(value, controls) for value in values]
    assert exposures(values, controls) == pytest.approx(
        [math.log2(102) - math.log2(counted_rank(value, controls)) for value in values]
    )
    assert (min(exposures(values, controls)), max(exposures(values, controls))) == (0.0, highest(101))


def test_what_was_never_read_has_one_bit_in_the_middle() -> None:
    lot = random.Random(1)
    controls = [lot.random() for _ in range(999)]
    found = exposures([lot.random() for _ in range(4000)], controls)
    assert median_interval(found, 0.0, highest(999))[0] == pytest.approx(1.0, abs=0.1)
    assert sum(one >= 3 for one in found) / 4000 == pytest.approx(1 / 8, abs=0.02)


def test_alarms_ring_on_as_many_as_they_say() -> None:
    lot = random.Random(2)
    rung = tried = 0
    for _ in range(200):
        controls = [lot.gauss(0, 1) for _ in range(299)]
        rung += sum(alarms([lot.gauss(0, 1) for _ in range(50)], controls, 0.01))
        tried += 50
    assert rung / tried == pytest.approx(0.01, abs=0.003)
    drawn = [lot.gauss(0, 1) for _ in range(20_000)]
    assert false_alarms(drawn, 0.01) / 20_000 == pytest.approx(0.01, abs=0.003)


def test_alarms_ring_on_all_that_is_far_above() -> None:
    assert alarms([9.0, 8.0], [0.0] * 99 + [8.5], 0.02) == [True, True]
    assert alarms([9.0, 8.0], [0.0] * 99 + [8.5], 0.01) == [True, False]
    # So few controls can never show that something is as rare.
    assert alarms([9.0], [0.0] * 50, 0.01) == [False]


@pytest.mark.parametrize(("found", "tried", "bound"), [(0, 20, 0.1391), (1, 20, 0.2161), (5, 50, 0.1988), (0, 1, 0.95)])
def test_bounds_are_those_of_the_tables(found: int, tried: int, bound: float) -> None:
    assert upper_bound(found, tried) == pytest.approx(bound, abs=1e-4)
    assert at_most_by_chance(found, tried, upper_bound(found, tried)) == pytest.approx(0.05)


def test_where_all_were_found_nothing_is_bounded() -> None:
    assert upper_bound(20, 20) == 1.0
    assert upper_bound(0, 0) == 1.0


@pytest.mark.parametrize("tried", [30, 5000])
def test_the_binomial_adds_up(tried: int) -> None:
    assert at_most_by_chance(tried, tried, 0.3) == pytest.approx(1.0)
    by_hand = sum(math.comb(30, number) * 0.3**number * 0.7 ** (30 - number) for number in range(8))
    assert at_most_by_chance(7, 30, 0.3) == pytest.approx(by_hand)


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    lot = random.Random(3)
    held = 0
    for _ in range(1000):
        _, low, high = median_interval([lot.expovariate(1.0) for _ in range(20)], 0.0, 99.0)
        held += low <= math.log(2) <= high
    assert 0.945 <= held / 1000 <= 0.975
    values = list(map(float, range(20)))
    assert median_interval(values, 0.0, 99.0) == (9.5, 5.0, 14.0)


def test_few_values_have_no_interval() -> None:
    assert median_interval([3.0, 1.0, 2.0], 0.0, 9.0) == (2.0, 0.0, 9.0)
    assert median_interval([3.0, 1.0, 2.0, 4.0, 5.0, 6.0], 0.0, 9.0) == (3.5, 1.0, 6.0)
