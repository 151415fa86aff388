"""The tests behind a gate, against slow and obvious ones; and that they err as seldom as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ingot.evaluate.gating.paired import at_least, items_needed, means, needed, shares, tango


def score(lost: int, won: int, items: int, difference: float) -> float:
    """Return the score statistic with the disagreement found by trying a great many."""
    tried = np.linspace(max(0.0, -difference), (1 - difference) / 2, 200_001)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.zeros_like(tried)
        for count, share in (
            (lost, tried),
            (won, tried + difference),
            (items - lost - won, 1 - 2 * tried - difference),
        ):
            if count:
                total += count * np.log(np.maximum(share, 1e-300))
    only_first = float(tried[int(np.argmax(total))])
    return ((won - lost) / items - difference) / math.sqrt((2 * only_first + difference - difference**2) / items)


@pytest.mark.parametrize(("lost", "won", "items"), [(14, 7, 100), (0, 3, 60), (40, 40, 400), (9, 2, 30)])
def test_the_interval_ends_where_the_score_test_does(lost: int, won: int, items: int) -> None:
    for end in tango(lost, won, items):
        assert abs(score(lost, won, items, end)) == pytest.approx(1.959964, abs=2e-3)


def test_no_disagreement_is_no_proof_of_none() -> None:
    assert tango(0, 0, 100)[0] < -0.03  # by chance alone 100 items show none in 1 of 20 cases, at a loss of 3 points
    assert tango(0, 0, 130)[0] > -0.03


def test_a_tail_of_the_binomial_is_exact() -> None:
    for count, of, share in ((8, 9, 0.5), (0, 5, 0.2), (3, 10, 0.13), (10, 10, 0.9)):
        exact = sum(math.comb(of, n) * share**n * (1 - share) ** (of - n) for n in range(count, of + 1))
        assert at_least(count, of, share) == pytest.approx(exact)
    assert at_least(1, 5, 0.0) == 0.0
    assert at_least(5, 5, 1.0) == 1.0


def test_right_and_wrong_answers_are_counted_by_pairs() -> None:
    told = shares([True, True, False, False] * 25, [True, False, True, False] * 25, 0.03)
    assert (told.items, told.only_first, told.only_second, told.difference) == (100, 25, 25, 0.0)
    assert told.disagreement == 0.5
    assert not told.is_not_worse
    assert told.p_worse > 0.5


@pytest.mark.parametrize("disagreement", [0.06, 0.2])
def test_so_many_items_err_as_seldom_as_is_said(disagreement: float) -> None:
    items, draws = items_needed(0.03, disagreement), 400
    lot = np.random.default_rng(0)
    for planted in (0.0, 0.03):
        both = (disagreement + planted) / 2, (disagreement - planted) / 2
        drawn = lot.multinomial(items, [*both, 1 - disagreement], draws)
        fails = sum(at_least(int(lost), int(lost + won), 0.5) < 0.025 for lost, won, _ in drawn)
        passes = sum(tango(int(lost), int(won), items)[0] > -0.03 for lost, won, _ in drawn)
        right, wrong = (fails, passes) if planted else (passes, fails)
        # Three standard errors of 400 draws beyond 2.5 in 100.
        assert right / draws > 0.975 - 0.024
        assert wrong / draws < 0.025 + 0.024


def test_more_disagreement_takes_more_items_and_few_items_leave_it_open() -> None:
    told = needed(shares([True] * 50 + [False] * 50, [False] * 5 + [True] * 50 + [False] * 45, 0.03))
    assert told.low < told.items < told.high
    assert items_needed(0.03, 0.2) > items_needed(0.03, 0.1) > items_needed(0.06, 0.1)
    assert needed(shares([True] * 9, [True] * 9, 0.03), 0.01).items > items_needed(0.03, 0.03)


def test_other_figures_are_resampled_and_a_few_tell_nothing() -> None:
    lot = np.random.default_rng(1)
    before = lot.normal(-2.0, 0.3, 200)
    assert means(before, before + lot.normal(0, 0.02, 200), 0.02).is_not_worse
    worse = means(before, before - 0.05 + lot.normal(0, 0.02, 200), 0.02)
    assert worse.p_worse < 0.001
    assert not worse.is_not_worse
    assert worse.low < worse.difference < worse.high
    few = means(before[:19], before[:19] - 1.0, 0.02)
    assert (few.p_worse, few.is_not_worse) == (1.0, False)
    assert needed(worse).items >= 1
