from __future__ import annotations

from dataclasses import replace

from ingot.plan.budget import choose
from ingot.plan.config import PlanConfig
from ingot.plan.explain import sentences
from ingot.plan.throughput import Measurement, Throughput

TWO_CORES = Throughput((Measurement(9.2e6, 14_000.0), Measurement(43.8e6, 5_200.0)), is_measured=True)
FIVE_MINUTES = PlanConfig(train_bytes=11_000_000, held_out_bytes=500_000, seconds=300)


def told(config: PlanConfig, is_measured: bool = True) -> str:
    return "\n".join(sentences(config, choose(config, TWO_CORES, 2), 70.0, is_measured))


def test_every_choice_has_its_reason() -> None:
    text = told(FIVE_MINUTES)
    for word in ("parameters", "vocabulary", "steps", "tokens per second", "bits per byte"):
        assert word in text


def test_what_the_user_asked_for_is_said_to_be_the_users_choice() -> None:
    text = told(replace(FIVE_MINUTES, vocabulary=4096, width=128, layers=3))
    assert text.count("as you asked") == 2


def test_stopping_before_the_time_is_up_is_explained() -> None:
    assert "stops early" in told(PlanConfig(train_bytes=50_000, held_out_bytes=2_000, seconds=3600))
    assert "stops early" not in told(FIVE_MINUTES)


def test_an_estimate_is_not_called_a_measurement() -> None:
    assert "measured on this machine" in told(FIVE_MINUTES)
    assert "measured" not in told(FIVE_MINUTES, is_measured=False)
