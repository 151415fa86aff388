"""Teach a model that exists to answer as its owner's examples do: conversations in, a model under a new name out.

                                start (the checkpoint of the base) ----v---------v
    conversations, held_out -> shards -> plan ----------------> checkpoint -> model

The loss is on what the assistant says and nothing else (train/objectives/supervised). Conversations under `validation`
are only measured on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError
from ingot.data.connectors import folder
from ingot.data.conversations import HELD_OUT
from ingot.data.conversations import Config as ConversationsConfig
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.source import Source
from ingot.flow.step import Partial, Step
from ingot.infer.config import PackageConfig
from ingot.plan.fine_tuning import FineTuneConfig
from ingot.train.config import PretrainConfig

HOOK = "ingot.evaluate.answering:answering"
# What the trainer takes from the plan, by the same names on both sides.
_PLANNED = (
    *("model", "steps", "batch_size", "sequence_length", "learning_rate", "base_width"),
    *("warmup_steps", "checkpoint_every", "evaluate_every"),
)
_KNOWN = ("train_documents", "train_tokens", "longest_tokens")
_DECAY = 0.9  # of the steps: what is learned last of few examples is what is forgotten least


@dataclass(frozen=True)
class Choices:
    """How often the examples are read, how many in a step, at which multiple of the usual rate; 0: the plan decides."""

    epochs: int = 0
    batch_size: int = 0
    rate_factor: float = 1.0
    seed: int = 0


def fine_tune(
    name: str, base: Artifact, home: Home, conversations: Path, validation: Path | None, choices: Choices
) -> tuple[list[Step], Mapping[str, Artifact]]:
    """Return the steps that make the model `name` of `base`, and what they take as it is.

    Raises InputError for a base whose checkpoint is not in the home.
    """
    start = start_of(base, home)
    # Nothing is run for what is given, so there is nothing to say how.
    given = Step("start", start.name, start.kind, "", {})

    def step(part: str, run: str, config: object, inputs: Mapping[str, Step], **more: Any) -> Step:
        return Step(part, f"{name}-{part}", part.capitalize(), run, config, inputs, **more)

    sources = {"conversations": _file(conversations)} | ({HELD_OUT: _file(validation)} if validation else {})
    framing = ConversationsConfig(held_out_share=0.0)
    run = "ingot.data.conversations:tokenize"
    shards = step("shards", run, framing, {"tokenizer": given}, sources=sources)
    known = {fact: shards.field(fact) for fact in _KNOWN} | {"model": given.field("model")}
    chosen = {"epochs": choices.epochs, "batch_size": choices.batch_size, "rate_factor": choices.rate_factor}
    plan = step("plan", "ingot.plan.fine_tuning:plan", Partial(FineTuneConfig, chosen), {}, fields=known)
    checkpoint = step(
        "checkpoint",
        "ingot.train.run:pretrain",
        Partial(PretrainConfig, _settings(choices, validation is not None)),
        {"shards": shards, "tokenizer": given, "start": given},
        fields={fact: plan.field(fact) for fact in _PLANNED},
        is_resumable=True,
    )
    parts = {"checkpoint": checkpoint, "tokenizer": given}
    model = Step("model", name, "Model", "ingot.infer.run:package", PackageConfig(kind="chat"), parts)
    return [shards, plan, checkpoint, model], {given.name: start}


def start_of(base: Artifact, home: Home) -> Artifact:
    """Return the checkpoint that training goes on from: what a model was packaged from, or what was imported.

    Raises InputError when there is none.
    """
    if "model" in base.facts:
        return base
    reference = base.record.inputs.get("checkpoint")
    name, _, version = (reference or "").partition("@")
    kept: Sequence[Artifact] = home.versions(name) if name else ()
    for checkpoint in kept:
        if str(checkpoint.version) == version and "model" in checkpoint.facts:
            return checkpoint
    raise InputError(
        f"{base.reference} cannot be trained on",
        where=str(base.path),
        why="the checkpoint it was made from is not in this home",
        fix="take in the model's folder with `ingot import`, or copy its checkpoint's artifact into the home",
    )


def _settings(choices: Choices, is_validated: bool) -> dict[str, Any]:
    hooks = [HOOK] if is_validated else []
    return {"objective": "supervised", "seed": choices.seed, "decay_fraction": _DECAY, "hooks": hooks}


def _file(path: Path) -> Source:
    return Source("folder", folder.Config(paths=(str(path),), exclude=()))
