from __future__ import annotations

import random

import pytest

from ingot.core.errors import InputError
from ingot.plan.law import Law, Pilot, fit

E, A, B = 0.7, 12.0, 60.0


def truth(parameters: float, tokens: float) -> float:
    return float(E + A * parameters**-0.3 + B * (tokens * 3) ** -0.3)


def pilots(*runs: tuple[float, float], noise: float = 0.0) -> list[Pilot]:
    rng = random.Random(3)
    return [Pilot(*run, truth(*run) * (1 + rng.gauss(0, noise))) for run in runs]


def test_a_run_sixteen_times_as_long_is_foreseen() -> None:
    found = fit(pilots((1e6, 1e5), (1e6, 1.3e5), (1e6, 3.6e5))).at(1e6, 6.4e6)
    assert found.value == pytest.approx(truth(1e6, 6.4e6), rel=0.02)
    assert found.low < truth(1e6, 6.4e6) < found.high


def test_a_larger_model_is_foreseen_from_smaller_ones() -> None:
    law = fit(pilots((1e5, 1e6), (1e5, 4e6), (4e5, 1e6), (4e5, 4e6), (1e6, 5e5)))
    assert law.at(4e6, 8e6).value == pytest.approx(truth(4e6, 8e6), rel=0.03)
    assert law.at(4e6, 8e6).value < law.at(1e6, 8e6).value


def test_the_band_is_wider_the_further_it_reaches_and_the_fewer_pilots_there_are() -> None:
    few, more = fit(pilots((1e6, 1e5), (1e6, 2e5))), fit(pilots((1e6, 1e5), (1e6, 2e5), (1e6, 8e5)))

    def width(law: Law, tokens: float) -> float:
        found = law.at(1e6, tokens)
        return float(found.high - found.low)

    assert width(few, 1e6) < width(few, 1e7)
    assert width(more, 1e7) < width(few, 1e7)


def test_the_truth_lies_in_the_band_nine_times_of_ten() -> None:
    inside = 0
    for seed in range(60):
        rng = random.Random(seed)
        runs = [Pilot(1e6, t, truth(1e6, t) * (1 + rng.gauss(0, 0.007))) for t in (1e5, 1.3e5, 3.6e5)]
        found = fit(runs).at(1e6, 6.4e6)
        inside += found.low < truth(1e6, 6.4e6) * (1 + rng.gauss(0, 0.007)) < found.high
    assert inside >= 50


def test_one_bad_pilot_does_not_bend_the_law() -> None:
    sound = pilots(*((1e6, t) for t in (1e5, 1.5e5, 2e5, 3e5, 4e5)))
    bad = [*sound, Pilot(1e6, 2.5e5, truth(1e6, 2.5e5) * 1.15)]
    assert fit(bad).at(1e6, 6e6).value == pytest.approx(fit(sound).at(1e6, 6e6).value, rel=0.02)


def test_the_same_pilots_give_the_same_forecast() -> None:
    runs = pilots((1e6, 1e5), (1e6, 3e5), noise=0.01)
    assert fit(runs).at(1e6, 1e7) == fit(runs).at(1e6, 1e7)


def test_pilots_of_one_length_say_nothing() -> None:
    with pytest.raises(InputError, match="of one length") as raised:
        fit(pilots((1e6, 1e5)))
    assert raised.value.fix
