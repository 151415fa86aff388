from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.flow.step import StepContext
from ingot.model.config import ModelConfig
from ingot.plan.pilots import FEWEST_STEPS, PilotsConfig, choose, pilot_runs
from ingot.train.config import PretrainConfig

MODEL = ModelConfig(512, 64, 2, 1, 1, 64, 192)


@pytest.mark.parametrize("steps", [1920, 2048, 10_000, 1_000_000])
def test_pilots_cost_less_than_a_tenth_and_differ_in_length(steps: int) -> None:
    runs = pilot_runs(steps, 40, 2048, 2048)
    lengths = [run.steps for run in runs]
    assert sum(lengths) < 0.095 * steps
    assert lengths == sorted(set(lengths))
    assert lengths[-1] > 3 * lengths[0]
    assert all(run.warmup_steps <= run.steps / 5 for run in runs)
    # Looked at once before its rate falls, and at its end.
    assert all(run.steps / 2 < run.evaluate_every <= 0.61 * run.steps for run in runs)


def test_a_run_that_is_too_short_is_refused_with_the_shortest_that_works() -> None:
    with pytest.raises(InputError, match="too short to be forecast") as raised:
        pilot_runs(500, 20, 4096, 2048)
    shortest = int(raised.value.fix.split()[-2].replace(",", ""))
    assert pilot_runs(shortest, 20, 4096, 2048)[0].steps == FEWEST_STEPS


def test_every_token_must_have_been_met_often_enough() -> None:
    with pytest.raises(InputError, match="too short to be forecast") as raised:
        pilot_runs(2048, 20, 2048, 8192)
    shortest = int(raised.value.fix.split()[-2].replace(",", ""))
    assert pilot_runs(shortest, 20, 2048, 8192)[0].steps * 2048 >= 30 * 8192


def test_the_facts_are_settings_a_training_takes(tmp_path: Path) -> None:
    told: list[str] = []

    def emit(kind: str, /, **event: object) -> None:
        told.append(str(event.get("text", "")))

    config = PilotsConfig(MODEL, 2048, 8, 256, 40)
    facts = choose(config, {}, StepContext(tmp_path, tmp_path, 1, emit))
    assert facts["share"] < 0.095
    for place in (1, 2):
        settings = facts[f"pilot_{place}"]
        assert set(settings) <= {field.name for field in fields(PretrainConfig)}
    assert "2 pilot runs of 32, 128 steps, 8% of the 2,048 to come" in told[0]
    assert (tmp_path / "pilots.json").exists()
