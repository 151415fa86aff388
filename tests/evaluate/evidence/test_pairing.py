from __future__ import annotations

import numpy as np
import pytest

from ingot.evaluate.evidence.pairing import Bits, by_name, fewer, figure, verdict
from ingot.evaluate.intervals import Interval


def arm(*seeds: list[float]) -> Bits:
    return Bits(np.array(seeds), np.full(len(seeds[0]), 100, dtype=np.int64))


def test_the_share_is_of_all_bits_together() -> None:
    first, second = arm([100.0, 300.0]), arm([200.0, 300.0])
    assert fewer(first, second, 100, 0, 0.05).value == pytest.approx(1 - 400 / 500)
    assert first.value == pytest.approx(2.0)


def test_the_interval_is_that_of_a_plain_bootstrap() -> None:
    random = np.random.default_rng(1)
    theirs = random.uniform(100, 200, 80)
    ours = theirs * random.uniform(0.7, 1.1, 80)
    found = fewer(arm(list(ours)), arm(list(theirs)), 4000, 0, 0.05)
    slow = []
    for _ in range(4000):
        drawn = random.integers(0, 80, 80)
        slow.append(1 - ours[drawn].sum() / theirs[drawn].sum())
    low, high = np.quantile(slow, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.004)
    assert found.high == pytest.approx(high, abs=0.004)


def test_documents_that_are_hard_for_both_do_not_widen_it() -> None:
    hard = [50.0 if number % 2 else 400.0 for number in range(50)]
    found = fewer(arm([0.9 * each for each in hard]), arm(hard), 500, 0, 0.05)
    assert found.low == pytest.approx(0.1)
    assert found.high == pytest.approx(0.1)


def test_seeds_that_differ_widen_it() -> None:
    even = [100.0] * 30
    alone = fewer(arm(even), arm(even), 500, 0, 0.05)
    several = fewer(arm([80.0] * 30, [120.0] * 30), arm(even, even), 500, 0, 0.05)
    assert (alone.low, alone.high) == (0.0, 0.0)
    assert several.low is not None
    assert several.high is not None
    assert several.value == pytest.approx(0.0)
    assert several.low < -0.1 < 0.1 < several.high


def test_a_single_document_has_no_interval() -> None:
    assert figure(arm([100.0]), 100, 0, 0.05) == Interval(1.0, None, None)
    assert fewer(arm([100.0]), arm([200.0]), 100, 0, 0.05) == Interval(0.5, None, None)
    assert verdict(Interval(0.5, None, None), 0.02) == "unsure"


@pytest.mark.parametrize(
    ("low", "high", "shows"),
    [(0.01, 0.05, "better"), (-0.05, -0.01, "worse"), (-0.01, 0.015, "alike"), (-0.01, 0.2, "unsure")],
)
def test_what_an_interval_shows(low: float, high: float, shows: str) -> None:
    assert verdict(Interval((low + high) / 2, low, high), 0.02) == shows


def test_parts_are_those_with_enough_documents() -> None:
    parts = by_name(arm([1.0, 2.0, 3.0, 4.0]), ["b", "a", "a", ""], least=2)
    assert list(parts) == ["a"]
    assert parts["a"].bits.tolist() == [[2.0, 3.0]]
