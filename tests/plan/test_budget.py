from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.plan.budget import choose
from ingot.plan.candidate import MOST_READINGS
from ingot.plan.config import PlanConfig
from ingot.plan.schedule import FEWEST_STEPS
from ingot.plan.throughput import Measurement, Throughput

TWO_CORES = Throughput((Measurement(9.2e6, 14_000.0), Measurement(43.8e6, 5_200.0)), is_measured=True)
TEN_TIMES_FASTER = Throughput(
    tuple(replace(one, tokens_per_second=one.tokens_per_second * 10) for one in TWO_CORES.measurements), True
)
ELEVEN_MEGABYTES = PlanConfig(train_bytes=11_000_000, held_out_bytes=500_000)


def with_seconds(seconds: float, **changes: object) -> PlanConfig:
    return replace(ELEVEN_MEGABYTES, seconds=seconds, **changes)


def test_more_time_gives_a_larger_model_and_a_better_forecast() -> None:
    plans = [choose(with_seconds(seconds), TWO_CORES, cores=2) for seconds in (120, 600, 3600, 36_000)]
    sizes = [plan.model.parameters for plan in plans]
    forecasts = [plan.forecast.bits_per_byte for plan in plans]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    assert forecasts == sorted(forecasts, reverse=True)


def test_a_few_minutes_go_to_a_small_model() -> None:
    assert choose(with_seconds(300), TWO_CORES, cores=2).model.parameters < 2_500_000


def test_a_faster_machine_gets_a_better_plan_for_the_same_time() -> None:
    slow = choose(with_seconds(300), TWO_CORES, cores=2)
    fast = choose(with_seconds(300), TEN_TIMES_FASTER, cores=2)
    assert fast.schedule.tokens > slow.schedule.tokens
    assert fast.forecast.bits_per_byte < slow.forecast.bits_per_byte


def test_training_fits_into_the_time_the_rest_of_the_build_leaves() -> None:
    chosen = choose(with_seconds(300), TWO_CORES, cores=2)
    assert 60 < chosen.training_seconds < 300


def test_the_same_numbers_give_the_same_plan() -> None:
    assert choose(with_seconds(300), TWO_CORES, cores=2) == choose(with_seconds(300), TWO_CORES, cores=2)


def test_steps_are_taken_as_given() -> None:
    assert choose(replace(ELEVEN_MEGABYTES, steps=37), TWO_CORES, cores=2).schedule.steps == 37


def test_tokens_are_never_exceeded_and_nearly_used() -> None:
    chosen = choose(replace(ELEVEN_MEGABYTES, tokens=1_000_000), TWO_CORES, cores=2)
    assert 950_000 < chosen.schedule.tokens <= 1_000_000


def test_many_tokens_of_much_text_go_to_a_large_model() -> None:
    library = PlanConfig(train_bytes=10**13, held_out_bytes=10**9, tokens=10**12)
    assert choose(library, TWO_CORES, cores=64).model.parameters > 10**9


def test_a_small_text_is_not_read_for_ever() -> None:
    chosen = choose(PlanConfig(train_bytes=20_000, held_out_bytes=1000, seconds=3600), TWO_CORES, cores=2)
    assert chosen.readings <= MOST_READINGS
    assert chosen.training_seconds < 100


def test_a_small_text_gets_a_small_model_however_much_time_there_is() -> None:
    little = choose(PlanConfig(train_bytes=100_000, held_out_bytes=5000, seconds=36_000), TWO_CORES, cores=2)
    much = choose(PlanConfig(train_bytes=1_000_000_000, held_out_bytes=5000, seconds=36_000), TWO_CORES, cores=2)
    assert little.model.parameters < 1_000_000 < much.model.parameters


@pytest.mark.parametrize("train_bytes", [20_000, 100_000, 400_000])
def test_no_large_model_is_taken_because_it_is_too_slow_to_learn_by_heart(train_bytes: int) -> None:
    for seconds in (3600, 36_000, 360_000):
        asked = PlanConfig(train_bytes=train_bytes, held_out_bytes=5000, seconds=seconds)
        assert choose(asked, TWO_CORES, cores=2).model.parameters < 2_000_000


def test_what_the_user_decides_is_kept() -> None:
    config = with_seconds(
        300, vocabulary=5056, width=192, layers=3, sequence_length=128, batch_size=16, layout="mistral"
    )
    chosen = choose(config, TWO_CORES, cores=2)
    assert (chosen.model.vocabulary, chosen.model.width, chosen.model.layers) == (5056, 192, 3)
    assert (chosen.schedule.sequence_length, chosen.schedule.batch_size) == (128, 16)
    assert chosen.model.context == 128
    assert not chosen.model.has_qk_norm


def test_a_preset_is_one_rung_of_the_ladder() -> None:
    chosen = choose(with_seconds(300, preset="256x6"), TWO_CORES, cores=2)
    assert (chosen.model.width, chosen.model.layers) == (256, 6)


def test_the_smallest_time_that_is_named_works_and_less_does_not() -> None:
    with pytest.raises(InputError) as caught:
        choose(with_seconds(20), TWO_CORES, cores=2)
    named = float(caught.value.fix.rsplit("--time ", 1)[1].removesuffix("s"))
    assert choose(with_seconds(named), TWO_CORES, cores=2).schedule.steps >= FEWEST_STEPS
    with pytest.raises(InputError):
        choose(with_seconds(named - 12), TWO_CORES, cores=2)


def test_the_smallest_number_of_tokens_that_is_named_works() -> None:
    with pytest.raises(InputError) as caught:
        choose(replace(ELEVEN_MEGABYTES, tokens=1000), TWO_CORES, cores=2)
    named = int(caught.value.fix.rsplit("--tokens ", 1)[1])
    assert choose(replace(ELEVEN_MEGABYTES, tokens=named), TWO_CORES, cores=2).schedule.steps == FEWEST_STEPS


@pytest.mark.parametrize(("train_bytes", "held_out_bytes"), [(200, 0), (9_999, 500), (50_000, 0)])
def test_too_little_text_says_how_much_is_needed(train_bytes: int, held_out_bytes: int) -> None:
    with pytest.raises(InputError, match="too little text") as caught:
        choose(PlanConfig(train_bytes=train_bytes, held_out_bytes=held_out_bytes, steps=100), TWO_CORES, cores=2)
    assert "10,000 bytes" in caught.value.fix


@pytest.mark.parametrize("budget", [{}, {"seconds": 60.0, "steps": 5}])
def test_there_is_exactly_one_budget(budget: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="exactly one budget"):
        choose(replace(ELEVEN_MEGABYTES, **budget), TWO_CORES, cores=2)


def test_a_vocabulary_that_does_not_fit_is_answered_with_the_nearest_that_does() -> None:
    with pytest.raises(UsageError) as caught:
        choose(with_seconds(300, vocabulary=5000), TWO_CORES, cores=2)
    assert caught.value.fix == "--vocabulary 4992"


def test_a_preset_with_a_typing_mistake_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="256x5") as caught:
        choose(with_seconds(300, preset="256x5"), TWO_CORES, cores=2)
    assert "256x" in caught.value.fix
