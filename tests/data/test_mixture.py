"""The mixture: exact proportions over any horizon, one dataset and one window for each row, for ever."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.config import literals, load
from ingot.core.errors import UsageError
from ingot.data.mixture import Config, Mixture, Phase, divided, plan

SIZES = {"laws": 100, "mail": 300, "wiki": 600}


def picked(mixture: Mixture, start: int, stop: int) -> list[tuple[int, int]]:
    which, numbers = mixture.pick(np.arange(start, stop, dtype=np.uint64))
    return list(zip(which.tolist(), numbers.tolist(), strict=True))


def names(count: int) -> list[str]:
    return [f"set-{number}" for number in range(count)]


def single(weights: list[float], seed: int = 0) -> Mixture:
    total = sum(weights)
    shares = {name: weight / total for name, weight in zip(names(len(weights)), weights, strict=True)}
    return Mixture([(0, shares)], names(len(weights)), seed)


some_weights = st.lists(st.floats(1e-3, 1), min_size=1, max_size=12)


@given(weights=some_weights, start=st.integers(0, 10**12), seed=st.integers(0, 99))
@settings(deadline=None)
def test_any_long_run_has_the_proportions_exactly(weights: list[float], start: int, seed: int) -> None:
    mixture, rows = single(weights, seed), 1000
    found = Counter(which for which, _ in picked(mixture, start, start + rows))
    bound = 1 + sum(1 / place for place in range(1, len(weights)))
    for number, weight in enumerate(weights):
        # Twice, because both ends of the run may be off, and what a share of 2**-32 adds up to.
        assert abs(found[number] - rows * weight / sum(weights)) <= 2 * bound + 0.01
        off = mixture.counts(start)[number] - start * weight / sum(weights)
        assert abs(off) <= bound + start * len(weights) * 2.0**-32


@given(weights=some_weights, start=st.integers(0, 10**9))
@settings(deadline=None)
def test_each_dataset_counts_its_own_rows_without_a_gap(weights: list[float], start: int) -> None:
    mixture = single(weights)
    expected = mixture.counts(start)
    assert sum(expected) == start
    for which, number in picked(mixture, start, start + 300):
        assert number == expected[which]
        expected[which] += 1
    assert mixture.counts(start + 300) == expected


def test_a_row_is_the_same_however_it_is_asked_for() -> None:
    mixture = single([0.5, 0.3, 0.2])
    together = picked(mixture, 0, 200)
    assert [picked(mixture, row, row + 1)[0] for row in range(200)] == together
    assert picked(single([0.5, 0.3, 0.2]), 0, 200) == together
    assert picked(single([0.5, 0.3, 0.2], seed=1), 0, 200) != together


def test_what_weighs_nothing_is_not_read() -> None:
    assert {which for which, _ in picked(single([0.0, 1.0, 0.0, 1.0]), 0, 1000)} == {1, 3}
    assert single([0.0, 1.0]).counts(77) == [0, 77]


def test_phases_change_the_weights_and_nothing_is_lost_between_them() -> None:
    mixture = Mixture([(0, {"a": 1.0}), (100, {"a": 0.5, "b": 0.5}), (300, {"b": 0.25, "c": 0.75})], list("abc"), 0)
    found = picked(mixture, 0, 700)
    counts = [Counter(which for which, _ in found[start:stop]) for start, stop in ((0, 100), (100, 300), (300, 700))]
    assert counts == [{0: 100}, {0: 100, 1: 100}, {1: 100, 2: 300}]
    assert mixture.counts(700) == [200, 200, 300]
    for number in range(3):
        assert [row for which, row in found if which == number] == list(range(mixture.counts(700)[number]))


def shares(config: Config, steps: int = 100) -> list[tuple[int, dict[str, float]]]:
    return [
        (row, {name: round(share, 6) for name, share in weights.items()})
        for row, weights in plan(config, SIZES, steps, batch_size=8)
    ]


def test_without_weights_size_counts() -> None:
    assert shares(Config()) == [(0, {"laws": 0.1, "mail": 0.3, "wiki": 0.6})]


def test_epochs_multiply_the_size() -> None:
    assert shares(Config(epochs={"laws": 3})) == [(0, {"laws": 0.25, "mail": 0.25, "wiki": 0.5})]


def test_weights_count_instead_of_the_size() -> None:
    assert shares(Config(weights={"laws": 2, "mail": 1, "wiki": 1})) == [(0, {"laws": 0.5, "mail": 0.25, "wiki": 0.25})]


def test_a_temperature_evens_out() -> None:
    assert shares(Config(weights={"laws": 1, "mail": 4, "wiki": 9}, temperature=2)) == [
        (0, {"laws": round(1 / 6, 6), "mail": round(2 / 6, 6), "wiki": 0.5})
    ]
    ((_, even),) = shares(Config(temperature=1e6))
    assert even == pytest.approx({"laws": 1 / 3, "mail": 1 / 3, "wiki": 1 / 3}, abs=1e-5)


def test_replay_takes_its_share_of_every_phase() -> None:
    config = Config(
        weights={"mail": 1}, replay={"wiki": 0.2}, phases=(Phase(0.5, {"mail": 1, "laws": 3}), Phase(0.9, {"laws": 1}))
    )
    assert shares(config) == [
        (0, {"wiki": 0.2, "mail": 0.8}),
        (400, {"wiki": 0.2, "mail": 0.2, "laws": 0.6}),
        (720, {"wiki": 0.2, "laws": 0.8}),
    ]


def test_it_survives_as_literals() -> None:
    config = Config(weights={"mail": 1}, replay={"wiki": 0.2}, phases=(Phase(0.5, {"laws": 3}),))
    assert load(Config, literals(config), "mixture") == config


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"weights": {"a": 1}, "epochs": {"a": 1}}, "both weights and epochs"),
        ({"temperature": 0}, "temperature is 0"),
        ({"weights": {"a": -1}}, "negative"),
        ({"weights": {"a": float("nan")}}, "negative or no number"),
        ({"replay": {"a": 0.5, "b": 0.5}}, "replay takes all"),
        ({"phases": (Phase(0.5, {"a": 1}), Phase(0.5, {"b": 1}))}, "not in order"),
        ({"phases": (Phase(0.0, {"a": 1}),)}, "not in order"),
        ({"phases": (Phase(1.0, {"a": 1}),)}, "not in order"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_built(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        Config(**settings)


@pytest.mark.parametrize(
    ("config", "steps", "what"),
    [
        (Config(weights={"lawz": 1}), 100, "'lawz' that is not there"),
        (Config(weights={"laws": 1, "mail": 1}), 100, "never reads wiki"),
        (Config(epochs={"laws": 0}), 100, "never reads laws"),
        (Config(phases=(Phase(0.5, {"laws": 1}),)), 0, "no length"),
        (Config(phases=(Phase(0.5, {"laws": 0}),)), 100, "no weight above 0"),
    ],
)
def test_what_does_not_fit_the_datasets_is_refused(config: Config, steps: int, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        plan(config, SIZES, steps, 8)


def unimax(sizes: dict[str, int], rows: float, epochs: float) -> dict[str, float]:
    """Return the rows of each dataset as in algorithm 1 of Chung et al. (2023), line by line."""
    budgets = {}
    for done, name in enumerate(sorted(sizes, key=lambda each: sizes[each])):
        budget = rows / (len(sizes) - done)
        budgets[name] = sizes[name] * epochs if budget > sizes[name] * epochs else budget
        rows -= budgets[name]
    return budgets


def by_bisection(shares: dict[str, float], rows: float, left: dict[str, float]) -> dict[str, float]:
    """Raise all datasets at the speed of their shares, each up to its limit, until there are enough rows."""
    low, high = 0.0, max(left[name] / share for name, share in shares.items())
    for _ in range(200):
        level = (low + high) / 2
        is_enough = sum(min(left[name], level * share) for name, share in shares.items()) >= rows
        low, high = (low, level) if is_enough else (level, high)
    return {name: min(left[name], high * share) for name, share in shares.items()}


datasets = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 10**6), min_size=1)


@given(sizes=datasets, epochs=st.floats(0.5, 8), part=st.floats(0.01, 0.999))
def test_equal_weights_and_a_cap_are_unimax(sizes: dict[str, int], epochs: float, part: float) -> None:
    rows = max(1, int(part * epochs * sum(sizes.values())))
    config = Config(weights=dict.fromkeys(sizes, 1.0), max_epochs=epochs)
    if rows <= epochs * sum(sizes.values()):
        ((start, found),) = plan(config, sizes, rows, batch_size=1)
        expected = unimax(sizes, rows, epochs)
        assert start == 0
        assert {name: share * rows for name, share in found.items()} == pytest.approx(expected)


@given(data=st.data(), sizes=datasets, part=st.floats(0.01, 0.999))
def test_a_cap_gives_the_others_what_one_cannot_take(data: st.DataObject, sizes: dict[str, int], part: float) -> None:
    shares = {name: data.draw(st.floats(0.01, 1)) for name in sizes}
    left = {name: float(size) for name, size in sizes.items()}
    rows = part * sum(sizes.values())
    assert divided(shares, rows, left) == pytest.approx(by_bisection(shares, rows, left), rel=1e-6, abs=1e-6)


def test_no_dataset_is_read_more_often_than_the_cap_allows() -> None:
    config = Config(
        weights={"laws": 8, "mail": 1, "wiki": 1}, max_epochs=2, phases=(Phase(0.5, {"laws": 5, "mail": 1, "wiki": 2}),)
    )
    steps, batch_size = 125, 8
    mixture = Mixture(plan(config, SIZES, steps, batch_size), list(SIZES), 0)
    assert mixture.counts(500)[0] == pytest.approx(200, abs=3)
    counts = dict(zip(SIZES, mixture.counts(steps * batch_size), strict=True))
    assert counts == pytest.approx({"laws": 200, "mail": 150 + 500 / 3, "wiki": 150 + 1000 / 3}, abs=3)


def test_a_cap_that_nothing_reaches_changes_nothing() -> None:
    assert shares(Config(max_epochs=1)) == shares(Config())
    assert shares(Config(epochs={"laws": 3}, max_epochs=3)) == shares(Config(epochs={"laws": 3}))


def test_replay_keeps_its_share_under_a_cap() -> None:
    config = Config(weights={"laws": 1, "mail": 1}, replay={"wiki": 0.25}, max_epochs=2)
    assert shares(config) == [(0, {"wiki": 0.25, "laws": 0.25, "mail": 0.5})]


@pytest.mark.parametrize(
    ("config", "steps", "what"),
    [
        (Config(max_epochs=1), 0, "max_epochs of a training of no length"),
        (Config(max_epochs=0.5), 100, "not enough for 800 rows"),
        (Config(weights={"laws": 1, "mail": 1}, replay={"wiki": 0.5}, max_epochs=0.5), 100, "not enough"),
        (Config(max_epochs=2, phases=(Phase(0.5, {"laws": 1}),)), 100, "not enough"),
    ],
)
def test_a_cap_that_cannot_be_kept_is_refused(config: Config, steps: int, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        plan(config, SIZES, steps, batch_size=8)


@pytest.mark.parametrize("epochs", [0, -1, float("inf"), float("nan")])
def test_a_cap_is_a_number_above_zero(epochs: float) -> None:
    with pytest.raises(UsageError, match="max_epochs"):
        Config(max_epochs=epochs)
