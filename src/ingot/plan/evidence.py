"""Plans for a fair comparison: one size of model, and so many steps that every training takes the same compute.

Compute is processor seconds, not those on the wall, so that other programs on the machine change nothing. The model is
the one the usual planner would build of one's own text in that time. All trainings have its size, so they do the same
arithmetic in a step; what differs is how many bytes of text a token is. At equal bytes instead, one takes more or fewer
steps than the training on one's own text with one's own vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ingot.core.config import literals
from ingot.core.errors import UsageError
from ingot.core.hardware import machine
from ingot.core.storage import write_atomically
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig
from ingot.plan.budget import choose
from ingot.plan.candidate import SAFETY, Candidate, seconds_besides_training
from ingot.plan.config import MeasuredVocabulary, PlanConfig
from ingot.plan.continuing import RATE_SHARE
from ingot.plan.here import Here, guessed, probed
from ingot.plan.schedule import FEWEST_STEPS, Schedule

# Looks at the clock in a training: between the first and the last lie all but a fifth of the steps.
_LOOKS = 5
_AT_EQUAL_BYTES = ("borrowed", "continued", "mixed")


@dataclass(frozen=True)
class EvidencePlanConfig:
    """Bytes of one's own text, what a token of it covers by vocabulary, and processor seconds of one training.

    Zero elsewhere means: choose for me.
    """

    train_bytes: int
    held_out_bytes: int
    seconds: float
    bytes_per_token_by_vocabulary: tuple[MeasuredVocabulary, ...] = ()
    vocabulary: int = 0
    width: int = 0
    layers: int = 0
    steps: int = 0


@dataclass(frozen=True)
class CoursesConfig:
    """What all trainings share, and bytes and tokens of the text of each; `steps` instead of `seconds` are taken."""

    model: ModelConfig
    batch_size: int
    sequence_length: int
    learning_rate: float
    seconds: float
    own_bytes: int
    own_tokens: int
    borrowed_bytes: int
    borrowed_tokens: int
    general_bytes: int
    general_tokens: int
    mixed_bytes: int
    mixed_tokens: int
    steps: int = 0


def plan(config: EvidencePlanConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Choose the model that all arms are; a pure function of the config and the probe's facts.

    For a number of steps no speed is needed, and so no probe.
    """
    here = _by_processor(inputs["probe"].facts) if "probe" in inputs else guessed(machine())
    chosen = size(config, here)
    model = literals(chosen.model)
    text = (
        f"Every arm is a model of {chosen.model.parameters:,} parameters ({chosen.model.layers} layers, "
        f"{chosen.model.width} wide, {chosen.model.vocabulary:,} tokens)."
    )
    context.emit("note", text=text)
    facts = {
        "model": model,
        "models": [model],  # as the measurement of its speed takes it
        "vocabulary": chosen.model.vocabulary,
        "parameters": chosen.model.parameters,
        "batch_size": chosen.schedule.batch_size,
        "sequence_length": chosen.schedule.sequence_length,
        "learning_rate": chosen.schedule.learning_rate,
        "readings": round(chosen.readings, 3),
        "sentences": [text],
    }
    write_atomically(context.folder / "plan.json", json.dumps(facts, indent=1) + "\n")
    return facts


def size(config: EvidencePlanConfig, here: Here) -> Candidate:
    """Return what the usual planner would build with so much time for training alone, on one core."""
    asked = PlanConfig(
        train_bytes=config.train_bytes,
        held_out_bytes=config.held_out_bytes,
        vocabulary=config.vocabulary,
        width=config.width,
        layers=config.layers,
        bytes_per_token_by_vocabulary=config.bytes_per_token_by_vocabulary,
        steps=config.steps,
    )
    if not config.steps:
        besides = seconds_besides_training(asked, 1)
        asked = replace(asked, seconds=(config.seconds + besides) / SAFETY)
    return choose(asked, here.throughput, 1, here)


def courses(config: CoursesConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Return the steps of every training: those that are given, or from the measured `pace` of this very model."""
    rate = float(inputs["pace"].facts["sizes"][0]["tokens_per_processor_second"]) if "pace" in inputs else None
    tokens = config.batch_size * config.sequence_length
    if not config.steps and rate is None:
        fix = "give `steps`, or an input `pace` that measured the model"
        raise UsageError("nobody knows how many steps fit into the time", where="plan config", fix=fix)
    steps = config.steps or max(int(config.seconds * (rate or 0.0) / tokens), FEWEST_STEPS)
    worth = bytes_per_token(config)
    # A model that goes on reads one's own text in the general vocabulary.
    at_equal_bytes = {name: max(1, round(steps * worth["own"] / worth[name])) for name in _AT_EQUAL_BYTES}
    facts = {
        "compute": course(steps, config),
        "bytes": {name: course(count, config) for name, count in at_equal_bytes.items()},
        "continued_learning_rate": RATE_SHARE * config.learning_rate,
        "tokens_per_processor_second": rate,
        "planned_seconds": None if rate is None else round(steps * tokens / rate, 1),
        "bytes_per_token": {name: round(each, 4) for name, each in worth.items()},
    }
    write_atomically(context.folder / "courses.json", json.dumps(facts, indent=1) + "\n")
    return facts


def course(steps: int, config: CoursesConfig) -> dict[str, Any]:
    """Return what a training of so many steps takes from its plan, by the trainer's names."""
    planned = Schedule(
        steps=steps,
        batch_size=config.batch_size,
        sequence_length=config.sequence_length,
        learning_rate=config.learning_rate,
        warmup_steps=min(max(steps // 50, 20), 2000, steps // 5),
        checkpoint_every=max(steps // 4, 1),
        evaluate_every=max(steps // _LOOKS, 1),
    )
    return asdict(planned)


def bytes_per_token(config: CoursesConfig) -> Mapping[str, float]:
    """Return how many bytes of its text a token of each training is."""
    pairs: Mapping[str, Sequence[int]] = {
        "own": (config.own_bytes, config.own_tokens),
        "borrowed": (config.borrowed_bytes, config.borrowed_tokens),
        "general": (config.general_bytes, config.general_tokens),
        "continued": (config.borrowed_bytes, config.borrowed_tokens),
        "mixed": (config.mixed_bytes, config.mixed_tokens),
    }
    return {name: size / max(tokens, 1) for name, (size, tokens) in pairs.items()}


def _by_processor(probe: Mapping[str, Any]) -> Here:
    """Return the machine as one core of it computes."""
    sizes = [{**each, "tokens_per_second": each["tokens_per_processor_second"]} for each in probe["sizes"]]
    return probed({**probe, "sizes": sizes}, 1)
