"""A forecast before a long training: pilots, and what they say.

    plan -> pilots -> pilot-1, pilot-2 -> forecast

Each pilot is a training like any other, with a record and a curve of its own; one that was made before is reused.
"""

from __future__ import annotations

from dataclasses import replace

from ingot.flow.step import Partial, Step
from ingot.plan.pilots import SHARES, PilotsConfig
from ingot.plan.prediction import PredictionConfig

# What the pilots' step and the forecast take from the plan.
_OF_RUN = ("model", "steps", "batch_size", "sequence_length", "warmup_steps")
# What a pilot takes from the step that chose it; the rest is as in the training. It is too short to be saved midway.
_OF_PILOT, _NOT_OF_PILOT = ("steps", "warmup_steps", "evaluate_every"), ("checkpoint_every",)


def with_forecast(name: str, plan: Step, checkpoint: Step) -> list[Step]:
    """Return the steps that forecast a planned training, and last the training with the forecast as its input."""
    planned = {fact: plan.field(fact) for fact in _OF_RUN}
    choose = "ingot.plan.pilots:choose"
    pilots = Step("pilots", f"{name}-pilots", "Pilots", choose, Partial(PilotsConfig, {}), fields=planned)
    runs = [_pilot(name, place, pilots, checkpoint) for place in range(1, len(SHARES) + 1)]
    forecast = Step(
        "forecast",
        f"{name}-forecast",
        "Forecast",
        "ingot.plan.prediction:predict",
        Partial(PredictionConfig, {}),
        {run.name: run for run in runs},
        fields={**planned, "evaluate_every": plan.field("evaluate_every")},
    )
    return [pilots, *runs, forecast, replace(checkpoint, inputs={**checkpoint.inputs, "forecast": forecast})]


def _pilot(name: str, place: int, pilots: Step, checkpoint: Step) -> Step:
    fields = {fact: origin for fact, origin in checkpoint.fields.items() if fact not in _NOT_OF_PILOT}
    fields |= {fact: pilots.field(f"pilot_{place}.{fact}") for fact in _OF_PILOT}
    return replace(checkpoint, name=f"pilot-{place}", artifact=f"{name}-pilot-{place}", fields=fields)
