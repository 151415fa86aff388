"""Paired tests against counting by hand and published figures; how often they are wrong; how many items it takes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from ingot.evaluate.paired import binomial_two_sided, bootstrap_difference, items_needed, mcnemar


def table(both: int, only_first: int, only_second: int, neither: int) -> tuple[list[bool], list[bool]]:
    cells = [(True, True)] * both + [(True, False)] * only_first + [(False, True)] * only_second
    first, second = zip(*cells, *[(False, False)] * neither, strict=True)
    return list(first), list(second)


@pytest.mark.parametrize("coins", range(9))
def test_the_exact_test_counts_every_fall_of_the_coins(coins: int) -> None:
    falls = [sum(each) for each in product((0, 1), repeat=coins)]
    for heads in range(coins + 1):
        as_uneven = sum(abs(2 * fall - coins) >= abs(2 * heads - coins) for fall in falls)
        assert binomial_two_sided(heads, coins) == pytest.approx(as_uneven / len(falls))


def test_thousands_of_items_are_no_trouble() -> None:
    assert 0 < binomial_two_sided(4800, 10_000) < 1e-4
    assert binomial_two_sided(0, 5000) == 0 or binomial_two_sided(0, 5000) > 0


@pytest.mark.parametrize(
    # Newcombe (1998), Statistics in Medicine 17, 2635-2650, table III, method 10.
    ("cells", "low", "high"),
    [((36, 12, 2, 0), 0.0569, 0.3404), ((0, 0, 0, 10), -0.2775, 0.2775)],
)
def test_the_interval_of_a_difference_is_the_published_one(
    cells: tuple[int, int, int, int], low: float, high: float
) -> None:
    second, first = table(*cells)  # the paper's difference is first less second
    found = mcnemar(first, second)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-4)


def test_what_one_alone_has_right_is_counted() -> None:
    found = mcnemar(*table(50, 4, 16, 30))
    assert (found.only_first, found.only_second, found.items) == (4, 16, 100)
    assert found.difference == pytest.approx(0.12)
    assert found.p_value == pytest.approx(0.011818, abs=1e-6)
    assert mcnemar([True], [True]).p_value == 1


def test_chance_alone_is_seldom_called_a_difference() -> None:
    random = np.random.default_rng(3)
    alarms = 0
    for _ in range(200):
        first, second = random.random((2, 80))
        alarms += bootstrap_difference(first.tolist(), second.tolist(), 400, seed=0).p_value < 0.05
    # Binomial, 200 at 5%: more than 20 come about once in a thousand.
    assert alarms <= 20


def test_a_difference_of_means_is_found() -> None:
    random = np.random.default_rng(4)
    hard = random.normal(0, 5, 300)  # items differ far more than models do
    first, second = hard + random.normal(0, 1, 300), hard + 0.3 + random.normal(0, 1, 300)
    found = bootstrap_difference(first.tolist(), second.tolist(), 2000, seed=0)
    assert found.low < 0.3 < found.high
    assert found.p_value < 0.05
    same = bootstrap_difference(first.tolist(), first.tolist(), 100, seed=0)
    assert (same.difference, same.p_value) == (0, 1)


def test_the_items_said_to_be_needed_give_the_power_they_promise() -> None:
    items = items_needed(0.1, 0.3, power=0.8)
    random = np.random.default_rng(5)
    found = 0
    for _ in range(300):
        only_second, only_first, _ = random.multinomial(items, (0.2, 0.1, 0.7))
        found += binomial_two_sided(int(only_first), int(only_first + only_second)) < 0.05
    # The exact test is a little careful; 0.8 less three standard errors of 300.
    assert found / 300 > 0.73
    assert items_needed(0.03, 0.2) > items_needed(0.03, 0.1) > items_needed(0.05, 0.1)
    with pytest.raises(ValueError, match="disagree"):
        items_needed(0.3, 0.2)
