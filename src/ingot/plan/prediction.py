"""The forecast of a run from its pilots: how good it will be at its end, and what to expect on the way there.

Pilots in, a Forecast artifact out. A law is fitted to how the pilots ended (law.py) and read off at the length of the
run. Tokens count by the rate they were learned at, so that a short run, much of which is climb and fall, compares with
a long one (Tissue et al., 2024, "Scaling law with learning rate annealing", section 3).

While the rate is high a model is worse than it will be once it has fallen. By how much the pilots show, which were
looked at just before their fall: from this follows what each look at the run should find, and a band around it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig
from ingot.plan.law import Law, Pilot, Predicted, fit

FIGURE = "held_out_bits_per_byte"
# A look at the run is never held to a narrower band than this, as a share of what is expected; and to a wider one while
# the rate is high: the fall brings more the longer the run, by up to so much more than in the pilots.
LEAST_MARGIN, HIGH_RATE_MARGIN = 0.03, 0.08
_CURVE = "curve.jsonl"


@dataclass(frozen=True)
class PredictionConfig:
    """The run to forecast, as it will be trained."""

    model: ModelConfig
    steps: int
    batch_size: int
    sequence_length: int
    warmup_steps: int
    evaluate_every: int = 0
    decay_fraction: float = 0.4


@dataclass(frozen=True)
class Run:
    """How long a run is and how its rate climbs and falls, in steps; tokens are those of one step."""

    steps: int
    warmup_steps: int
    decay_fraction: float
    tokens: int

    def share(self, step: int) -> float:
        """Return the share of the peak rate that step `step`, counted from 0, uses (train/schedule.py)."""
        return float(self._shares[step])

    def rated_tokens(self, done: int) -> float:
        """Return the tokens of the first `done` steps, each counted by its share of the peak rate."""
        return self.tokens * float(self._shares[:done].sum())

    @cached_property
    def _shares(self) -> npt.NDArray[np.float64]:
        steps = np.arange(self.steps)
        climb = (steps + 1) / max(self.warmup_steps, 1)
        fall = (self.steps - steps) / max(round(self.steps * self.decay_fraction), 1)
        return np.minimum(1.0, np.minimum(climb, fall))


@dataclass(frozen=True)
class Expected:
    """What a look after `step` steps and `tokens` tokens should find, in bits per byte."""

    step: int
    tokens: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Finished:
    """A pilot that was run: its settings, its size, its figure at the end and at the looks before (step -> figure)."""

    run: Run
    parameters: int
    bits_per_byte: float
    looks: Mapping[int, float]


def predict(config: PredictionConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Forecast a run from the pilots among the inputs, for the stop rule, the report and a reader."""
    pilots = [_finished(made) for name, made in sorted(inputs.items()) if name.startswith("pilot")]
    run = Run(config.steps, config.warmup_steps, config.decay_fraction, config.batch_size * config.sequence_length)
    end, course = foresee(run, config.model.parameters, config.evaluate_every, pilots)
    share = sum(pilot.run.steps * pilot.run.tokens for pilot in pilots) / (run.steps * run.tokens)
    told = sentences(end, pilots, share)
    for sentence in told:
        context.emit("note", text=sentence)
    facts = {
        "bits_per_byte": round(end.value, 4),
        "low": round(end.low, 4),
        "high": round(end.high, 4),
        "pilots": [{"steps": pilot.run.steps, FIGURE: pilot.bits_per_byte} for pilot in pilots],
        "share": round(share, 4),
        "course": [asdict(expected) for expected in course],
        "sentences": told,
    }
    write_atomically(context.folder / "forecast.json", json.dumps(facts, indent=1) + "\n")
    return facts


def foresee(
    run: Run, parameters: int, evaluate_every: int, pilots: Sequence[Finished]
) -> tuple[Predicted, list[Expected]]:
    """Return what a run will come to, and what each look on the way should find; the last is the end."""
    law = fit([Pilot(one.parameters, one.run.rated_tokens(one.run.steps), one.bits_per_byte) for one in pilots])
    gain, spread = _before_the_fall(law, pilots)
    looks = range(evaluate_every, run.steps, evaluate_every) if evaluate_every else ()
    course = [_expected(step, run, parameters, law, gain, spread) for step in (*looks, run.steps)]
    return law.at(parameters, run.rated_tokens(run.steps)), course


def course_of(facts: Mapping[str, Any]) -> dict[int, Expected]:
    """Read the course of a forecast from its facts, by steps done."""
    return {int(one["step"]): Expected(**one) for one in facts["course"]}


def sentences(end: Predicted, pilots: Sequence[Finished], share: float) -> list[str]:
    """Say the forecast and where it comes from in plain words."""
    found = ", ".join(f"{pilot.bits_per_byte:.3f} after {pilot.run.steps}" for pilot in pilots)
    return [
        f"The run should end at {end.value:.3f} bits per byte on held-out text "
        f"({end.low:.3f} to {end.high:.3f} in nine of ten cases; lower is better).",
        f"That follows from {len(pilots)} pilot runs, {share:.0%} of its length together: {found} steps.",
    ]


def _before_the_fall(law: Law, pilots: Sequence[Finished]) -> tuple[float, float]:
    """Return by what share a model is worse while its rate is high, and how far pilots differ in that."""
    worse = [
        figure / law.at(pilot.parameters, pilot.run.rated_tokens(step)).value - 1
        for pilot in pilots
        for step, figure in pilot.looks.items()
        if pilot.run.share(step - 1) == 1.0
    ]
    gain = median(worse) if worse else 0.0
    return gain, max((abs(one - gain) for one in worse), default=0.0)


def _expected(step: int, run: Run, parameters: int, law: Law, gain: float, spread: float) -> Expected:
    fallen = law.at(parameters, run.rated_tokens(step))
    # At the end nothing is left of the rate, nor of the gain that its fall brings.
    left = run.share(step - 1) if step < run.steps else 0.0
    value = fallen.value * (1 + gain * left)
    margin = (
        max(LEAST_MARGIN, max(fallen.high / fallen.value, fallen.value / fallen.low) - 1)
        + (spread + HIGH_RATE_MARGIN) * left
    )
    rounded = (round(value * factor, 4) for factor in (1.0, 1 - margin, 1 + margin))
    return Expected(step, step * run.tokens, *rounded)


def _finished(made: Artifact) -> Finished:
    """Read a pilot's record and its curve."""
    settings, facts = made.record.config, made.facts
    tokens = int(settings["batch_size"]) * int(settings["sequence_length"])
    run = Run(int(facts["steps"]), int(settings["warmup_steps"]), float(settings["decay_fraction"]), tokens)
    lines = (json.loads(text) for text in (made.path / _CURVE).read_text(encoding="utf-8").splitlines())
    looks = {int(line["step"]): float(line[FIGURE]) for line in lines if FIGURE in line}
    if run.steps not in looks:
        raise InputError(
            "a pilot run was not measured on held-out text",
            where=made.reference,
            why="a forecast is about text the model has not seen",
            fix="hold documents out, and train pilots with the hook ingot.evaluate.during:held_out",
        )
    return Finished(run, int(facts["parameters"]), looks.pop(run.steps), looks)
