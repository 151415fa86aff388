"""The plan for going on from a model that exists: how many steps, how large, at which rate. Arithmetic only.

The sizes are those of the model, so what is left to choose is how long. Without a budget the new text is read once. The
rate climbs again to half of what a training from nothing would use: high enough to learn the new text, low enough to
keep most of the old, of which a share of every batch is read again (Ibrahim et al., 2024, "Simple and scalable
strategies to continually pre-train large language models").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ingot.core.config import literals
from ingot.core.errors import UsageError
from ingot.core.storage import write_atomically
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig
from ingot.plan.config import PlanConfig
from ingot.plan.dividing import divide
from ingot.plan.explain import count, duration
from ingot.plan.here import Here, probed
from ingot.plan.memory import Work, training_memory
from ingot.plan.schedule import FEWEST_STEPS, Schedule, batch_size, schedule, sequence_length

RATE_SHARE = 0.5
# Like the planner of a training from nothing: to be done a little early.
_SAFETY = 0.92


@dataclass(frozen=True)
class ContinueConfig:
    """At most one of `seconds` (of training), `steps` and `readings` of the new text; without any it is read once.

    `train_tokens` are those of the new text, `replay` is the share of every batch that is old text. Zero elsewhere
    means: choose for me.
    """

    model: ModelConfig
    train_tokens: int
    seconds: float = 0.0
    steps: int = 0
    readings: float = 0.0
    replay: float = 0.0
    batch_size: int = 0
    sequence_length: int = 0
    learning_rate: float = 0.0

    def __post_init__(self) -> None:
        if sum(map(bool, (self.seconds, self.steps, self.readings))) > 1:
            fix = "give one of them: a time, a number of steps, or how often the new text is read"
            raise UsageError("a plan needs one budget", where="plan config", fix=fix)
        if not 0 <= self.replay < 1:
            fix = "give a share from 0 to below 1, such as 0.1"
            raise UsageError(f"a replay of {self.replay} leaves no new text", where="plan config, replay", fix=fix)


def plan(config: ContinueConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Choose steps, batch and rate; a pure function of the config and the probe's facts."""
    probe = inputs["probe"].facts
    facts = plan_facts(config, probed(probe, int(probe.get("cores", context.cores))))
    for sentence in facts["sentences"]:
        context.emit("note", text=sentence)
    write_atomically(context.folder / "plan.json", json.dumps(facts, indent=1) + "\n")
    return facts


def plan_facts(config: ContinueConfig, machine: Here) -> dict[str, Any]:
    """Return everything the later steps and a reader need to know, as JSON literals.

    Raises InputError when no batch of this model fits into the machine's memory.
    """
    rate = machine.throughput.of_model(config.model)
    planned = _schedule(config, rate)
    model = replace(config.model, context=max(config.model.context, planned.sequence_length))
    work = Work(planned.batch_size, planned.sequence_length, precision=machine.precision)
    if machine.memory_bytes:
        work = divide(model, work, 1, 1, machine.memory_bytes).work
        planned = replace(planned, accumulate=work.accumulate, recompute=work.is_recomputed)
    readings = planned.tokens * (1 - config.replay) / max(config.train_tokens, 1)
    seconds = planned.tokens / rate
    return {
        "model": literals(model),
        **asdict(planned),
        "tokens": planned.tokens,
        "parameters": model.parameters,
        "vocabulary": model.vocabulary,
        "readings": round(readings, 3),
        "tokens_per_second": round(rate, 1),
        "throughput": "measured" if machine.throughput.is_measured else "estimated",
        "training_seconds": round(seconds, 1),
        "memory_bytes": training_memory(model, work).peak,
        "sentences": sentences(config, planned, readings, seconds),
    }


def sentences(config: ContinueConfig, planned: Schedule, readings: float, seconds: float) -> list[str]:
    """Return the reasons, for someone who has never trained a model."""
    model = config.model
    often = "once" if readings < 1.05 else f"{readings:.2g} times"
    read = f"{readings:.0%} of the new text" if readings < 0.995 else f"the new text {often}"
    kept = (
        f"{config.replay:.0%} of what it reads is old text, so that it forgets less."
        if config.replay
        else "It reads no old text: expect it to forget some of what it knew."
    )
    return [
        f"The model keeps its {count(model.parameters)} parameters ({model.layers} layers, {model.width} wide).",
        f"It trains {planned.steps:,} steps of {planned.batch_size * planned.sequence_length:,} tokens: {read}. {kept}",
        f"The learning rate climbs again, to {planned.learning_rate:g}: half of what a training from nothing takes."
        if not config.learning_rate
        else f"The learning rate climbs again, to {planned.learning_rate:g}, as you asked.",
        f"Training should take {duration(seconds)}, by what was measured on this machine.",
    ]


def _schedule(config: ContinueConfig, rate: float) -> Schedule:
    once = config.train_tokens / (1 - config.replay)
    tokens = config.seconds * _SAFETY * rate if config.seconds else once * (config.readings or 1.0)
    sizes = PlanConfig(batch_size=config.batch_size, sequence_length=config.sequence_length)
    length = config.sequence_length or min(sequence_length(tokens, sizes), config.model.context)
    sizes = replace(
        sizes, batch_size=batch_size(tokens, replace(sizes, sequence_length=length)), sequence_length=length
    )
    steps = config.steps or max(int(tokens // (sizes.batch_size * length)), FEWEST_STEPS)
    chosen = schedule(tokens, replace(sizes, steps=steps))
    return replace(chosen, learning_rate=config.learning_rate or RATE_SHARE * chosen.learning_rate)
