from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.plan.candidate import MOST_READINGS, candidates, seconds_besides_training, vocabularies
from ingot.plan.config import PlanConfig
from ingot.plan.scaling import LADDER, preset
from ingot.plan.throughput import Measurement, Throughput

TWO_CORES = Throughput((Measurement(9.2e6, 14_000.0), Measurement(43.8e6, 5_200.0)), is_measured=True)
TEN_MINUTES = PlanConfig(train_bytes=11_000_000, held_out_bytes=500_000, seconds=600.0)


def test_every_rung_of_the_ladder_is_a_candidate() -> None:
    found = {(one.model.width, one.model.layers) for one in candidates(TEN_MINUTES, TWO_CORES, cores=2)}
    assert found == {(shape.width, shape.layers) for shape in LADDER}


def test_no_candidate_takes_longer_than_the_time_or_reads_more_than_is_worth_it() -> None:
    left = TEN_MINUTES.seconds - seconds_besides_training(TEN_MINUTES, cores=2)
    for one in candidates(TEN_MINUTES, TWO_CORES, cores=2):
        assert one.training_seconds < left
        assert one.readings <= MOST_READINGS


def test_a_time_the_rest_of_the_build_needs_leaves_no_step() -> None:
    for one in candidates(replace(TEN_MINUTES, seconds=10.0), TWO_CORES, cores=2):
        assert one.schedule.steps == 0


@pytest.mark.parametrize("cores", [1, 16])
def test_asked_for_tokens_do_not_depend_on_the_machine(cores: int) -> None:
    asked = replace(TEN_MINUTES, seconds=0.0, tokens=1_000_000)
    for one in candidates(asked, TWO_CORES, cores):
        assert 0 < one.schedule.tokens <= 1_000_000


def test_a_small_text_gets_a_small_vocabulary() -> None:
    large = preset("1024x16")
    assert vocabularies(PlanConfig(train_bytes=100_000, seconds=60.0), large) == [512]
    assert vocabularies(PlanConfig(train_bytes=11_000_000, tokens=10**6), large) == [16384]


def test_a_narrow_model_does_not_consist_of_its_token_table() -> None:
    narrow = preset("128x2")
    assert max(vocabularies(PlanConfig(train_bytes=10**12, seconds=60.0), narrow)) == 8192
