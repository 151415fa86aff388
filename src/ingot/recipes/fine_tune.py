"""Teach a model that exists to answer as its owner's examples do: conversations in, a model under a new name out.

                                start (the checkpoint of the base) ----v---------v
    conversations, held_out -> shards -> plan ----------------> checkpoint -> audit -> model

The loss is on what the assistant says and nothing else (train/objectives/supervised). Conversations under `validation`
are only measured on. With adapters the weights of the base stay, and the result is a few megabytes that are served over
them: many models in the memory of one. No canaries are put among conversations: the audit says which passages of them
the model recites, and what personal data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.core.config import literals
from ingot.core.errors import InputError
from ingot.data.connectors import folder
from ingot.data.conversations import HELD_OUT, BadRows
from ingot.data.conversations import Config as ConversationsConfig
from ingot.evaluate.config import AuditConfig
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.source import Source
from ingot.flow.step import Partial, Step
from ingot.infer.config import AdapterPackageConfig, PackageConfig
from ingot.plan.fine_tuning import FineTuneConfig
from ingot.registry.store import ADAPTER, MODEL
from ingot.train.config import AdapterConfig, PretrainConfig

HOOK = "ingot.evaluate.answering:answering"
# What the trainer takes from the plan, by the same names on both sides.
PLANNED = (
    *("model", "steps", "batch_size", "sequence_length", "learning_rate", "base_width"),
    *("warmup_steps", "checkpoint_every", "evaluate_every"),
)
_KNOWN = ("train_documents", "train_tokens", "longest_tokens")
ADAPTER_RATE = 10.0  # of the usual rate: what low ranks learn best with (Schulman et al., 2025); not measured here
DECAY = 0.9  # of the steps: what is learned last of few examples is what is forgotten least


@dataclass(frozen=True)
class Choices:
    """How often the examples are read, how many in a step, at which multiple of the usual rate; 0: the plan decides.

    With `adapters` only those are trained, and the base must be a model, which is to serve them. `bad_rows` says what
    becomes of a line that cannot be learned from.
    """

    epochs: int = 0
    batch_size: int = 0
    rate_factor: float = 1.0
    seed: int = 0
    adapters: AdapterConfig | None = None
    bad_rows: BadRows = "leave_out"


def fine_tune(
    name: str, base: Artifact, home: Home, conversations: Path, validation: Path | None, choices: Choices
) -> tuple[list[Step], Mapping[str, Artifact]]:
    """Return the steps that make the model `name` of `base`, and what they take as it is.

    Raises InputError for a base whose checkpoint is not in the home, and for adapters of what cannot be served.
    """
    start = start_of(base, home)
    # Nothing is run for what is given, so there is nothing to say how.
    given = Step("start", start.name, start.kind, "", {})
    shards, plan, checkpoint = teaching(name, given, conversations, validation, choices)
    learned = {"checkpoint": checkpoint, "shards": shards, "start": given}
    audit = Step("audit", f"{name}-audit", "Audit", "ingot.evaluate.memorisation:audit", AuditConfig(), learned)
    if choices.adapters is not None:
        below, its_base = _served_base(base)
        model = Step(
            "model",
            name,
            ADAPTER,
            "ingot.infer.adapters:package",
            AdapterPackageConfig(),
            {"adapters": checkpoint, "base": below},
        )
        return [shards, plan, checkpoint, audit, model], {given.name: start, **its_base}
    parts = {"checkpoint": checkpoint, "tokenizer": given, "audit": audit}
    model = Step("model", name, "Model", "ingot.infer.run:package", PackageConfig(kind="chat"), parts)
    return [shards, plan, checkpoint, audit, model], {given.name: start}


def teaching(
    name: str, given: Step, conversations: Path, validation: Path | None, choices: Choices
) -> tuple[Step, Step, Step]:
    """Return the steps from conversations to a checkpoint, or its adapters: shards, plan, and the training itself."""

    def step(part: str, run: str, config: object, inputs: Mapping[str, Step], **more: Any) -> Step:
        return Step(part, f"{name}-{part}", part.capitalize(), run, config, inputs, **more)

    sources = {"conversations": file_source(conversations)} | (
        {HELD_OUT: file_source(validation)} if validation else {}
    )
    framing = ConversationsConfig(held_out_share=0.0, bad_rows=choices.bad_rows)
    run = "ingot.data.conversations:tokenize"
    shards = step("shards", run, framing, {"tokenizer": given}, sources=sources)
    known = {fact: shards.field(fact) for fact in _KNOWN} | {"model": given.field("model")}
    factor = choices.rate_factor * (ADAPTER_RATE if choices.adapters else 1.0)
    chosen = {"epochs": choices.epochs, "batch_size": choices.batch_size, "rate_factor": factor}
    plan = step("plan", "ingot.plan.fine_tuning:plan", Partial(FineTuneConfig, chosen), {}, fields=known)
    checkpoint = step(
        "checkpoint",
        "ingot.train.run:pretrain",
        Partial(PretrainConfig, _settings(choices, validation is not None)),
        {"shards": shards, "tokenizer": given, "start": given},
        fields={fact: plan.field(fact) for fact in PLANNED},
        is_resumable=True,
    )
    return shards, plan, checkpoint


def _served_base(base: Artifact) -> tuple[Step, Mapping[str, Artifact]]:
    if base.kind != MODEL:
        raise InputError(
            f"{base.reference} is a {base.kind}, and adapters are served over a model",
            where=str(base.path),
            fix="name a model, or leave the adapters out: what is trained then has weights of its own",
        )
    step = Step("base", base.name, base.kind, "", {})
    return step, {step.name: base}


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
    settings = {"objective": "supervised", "seed": choices.seed, "decay_fraction": DECAY, "hooks": hooks}
    return settings if choices.adapters is None else {**settings, "adapters": literals(choices.adapters)}


def file_source(path: Path) -> Source:
    """Return the source of one file."""
    return Source("folder", folder.Config(paths=(str(path),), exclude=()))
