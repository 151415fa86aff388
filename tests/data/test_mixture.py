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
from ingot.data.mixture import Config, Mixture, Phase, plan

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
