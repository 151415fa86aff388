from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact, Record
from ingot.flow.step import StepContext
from ingot.model.config import ModelConfig
from ingot.plan.prediction import FIGURE, Finished, PredictionConfig, Run, course_of, foresee, predict
from ingot.train.schedule import rate_at

MODEL = ModelConfig(512, 64, 2, 1, 1, 64, 192)
RUN = Run(2048, 40, 0.4, 1000)


def figure(run: Run, done: int) -> float:
    """What a run of this kind would show: it falls with what was learned, and is worse while the rate is high."""
    left = run.share(done - 1) if done < run.steps else 0.0
    return float((1.2 + 20 * run.rated_tokens(done) ** -0.3) * (1 + 0.08 * left))


def pilot(steps: int) -> Finished:
    run = replace(RUN, steps=steps, warmup_steps=steps // 5)
    return Finished(run, MODEL.parameters, figure(run, steps), {round(0.6 * steps): figure(run, round(0.6 * steps))})


PILOTS = [pilot(steps) for steps in (32, 41, 114)]


@pytest.mark.parametrize(("steps", "warmup", "decay"), [(100, 10, 0.4), (50, 20, 1.0), (7, 3, 0.0)])
def test_rates_are_those_of_the_training(steps: int, warmup: int, decay: float) -> None:
    run = Run(steps, warmup, decay, 10)
    assert [run.share(step) for step in range(steps)] == pytest.approx(
        [rate_at(step, steps, warmup, decay) for step in range(steps)]
    )
    assert run.rated_tokens(steps) == pytest.approx(10 * sum(run.share(step) for step in range(steps)))


def test_the_end_and_the_way_there_are_foreseen() -> None:
    end, course = foresee(RUN, MODEL.parameters, 128, PILOTS)
    assert end.value == pytest.approx(figure(RUN, RUN.steps), rel=0.03)
    assert [one.step for one in course] == list(range(128, 2049, 128))
    assert course[-1].value == pytest.approx(end.value, abs=1e-3)
    for one in course[2:]:
        assert one.low < figure(RUN, one.step) < one.high
        assert one.tokens == one.step * 1000


def test_without_looks_only_the_end_is_foreseen() -> None:
    blind = [replace(one, looks={}) for one in PILOTS]
    end, course = foresee(RUN, MODEL.parameters, 0, blind)
    assert [one.step for one in course] == [2048]
    assert end.value == pytest.approx(figure(RUN, RUN.steps), rel=0.03)


def made(folder: Path, one: Finished, **changes: Any) -> Artifact:
    """Return a pilot as a training leaves it."""
    folder.mkdir()
    curve = [{"step": step, FIGURE: value} for step, value in one.looks.items()]
    curve += [{"step": one.run.steps, "loss": 1.0, **({FIGURE: one.bits_per_byte} if not changes else {})}]
    (folder / "curve.jsonl").write_text("".join(json.dumps(line) + "\n" for line in curve))
    nothing: dict[str, Any] = {field.name: {} for field in fields(Record)}
    config = {"batch_size": 10, "sequence_length": 100, "warmup_steps": one.run.warmup_steps, "decay_fraction": 0.4}
    facts = {"steps": one.run.steps, "parameters": one.parameters}
    words = {"name": folder.name, "version": 1, "kind": "Checkpoint", "config": config, "facts": facts}
    return Artifact(folder, Record(**{**nothing, **words}))


def test_the_step_reads_pilots_and_tells_in_plain_words(tmp_path: Path) -> None:
    told: list[str] = []

    def emit(kind: str, /, **event: object) -> None:
        told.append(str(event.get("text", "")))

    inputs = {f"pilot-{place}": made(tmp_path / f"pilot-{place}", one) for place, one in enumerate(PILOTS, 1)}
    config = PredictionConfig(MODEL, 2048, 10, 100, 40, 128)
    facts = predict(config, inputs, StepContext(tmp_path, tmp_path, 1, emit))
    assert facts["low"] < facts["bits_per_byte"] < facts["high"]
    assert facts["share"] == pytest.approx(187 / 2048, abs=1e-4)
    assert "should end at 1.4" in told[0]
    assert "3 pilot runs" in told[1]
    assert course_of(json.loads((tmp_path / "forecast.json").read_text()))[2048].high > facts["bits_per_byte"]


def test_a_pilot_without_held_out_text_is_refused(tmp_path: Path) -> None:
    inputs = {"pilot-1": made(tmp_path / "pilot-1", PILOTS[0], figure=None)}
    config = PredictionConfig(MODEL, 2048, 10, 100, 40, 128)
    with pytest.raises(InputError, match="not measured on held-out text"):
        predict(config, inputs, StepContext(tmp_path, tmp_path, 1, lambda *_, **__: None))
