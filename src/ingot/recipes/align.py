"""From a model that goes on with texts to one that answers, and answers as people prefer.

    start --v                       v------------------v
    conversations -> shards, plan -> taught -> reference -> preferred -> report -> model
    preferences ----------------------> pairs, plan --^

Stages stand one after the other, and each gives the next a checkpoint: what the assistant says in conversations is
learned first (recipes/fine_tune), then which of two answers is the better one (train/objectives/preference). A model
that answers already may begin with the second. With adapters each stage trains small matrices alone, which are then
put into the weights: less memory while it learns, and a model like any other in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ingot.core.config import literals
from ingot.core.errors import InputError, UsageError
from ingot.data.preferences import BadRows
from ingot.data.preferences import Config as PreferencesConfig
from ingot.evaluate.config import PreferringConfig
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.step import Partial, Step
from ingot.infer.config import PackageConfig
from ingot.plan.preferring import PreferConfig
from ingot.recipes.fine_tune import ADAPTER_RATE, DECAY, PLANNED, file_source, start_of, teaching
from ingot.recipes.fine_tune import Choices as TeachingChoices
from ingot.train.config import AdapterConfig, MergeConfig, PretrainConfig

HOOK = "ingot.evaluate.preferring:preferring"
Kind = Literal["sigmoid", "ipo", "hinge"]
Offset = Literal["none", "log", "linear"]
_OPTIONS = ("kind", "beta", "offset", "offset_scale")
_KNOWN = ("train_examples", "train_tokens", "row_tokens")


@dataclass(frozen=True)
class Choices:
    """How both stages learn; 0: the plan decides.

    `kind`, `beta` and the offset are those of the objective `preference`. A pair must fit `row_tokens` with both
    conversations; 0 takes as many as the model reads at once. `bad_rows` says what becomes of a line that is no
    preference or no conversation.
    """

    kind: Kind = "sigmoid"
    beta: float = 0.1
    offset: Offset = "none"
    offset_scale: float = 1.0
    conversation_epochs: int = 0
    preference_epochs: int = 0
    rate_factor: float = 1.0
    row_tokens: int = 0
    held_out_share: float = 0.05
    bad_rows: BadRows = "leave_out"
    seed: int = 0
    adapters: AdapterConfig | None = None

    def __post_init__(self) -> None:
        # The objective says the same, but only after the first stage has been trained.
        if self.offset != "none" and self.kind != "sigmoid":
            what = f"an offset has no meaning for the loss {self.kind!r}"
            raise UsageError(what, where="align", fix="leave the offset out, or choose the loss sigmoid")


@dataclass(frozen=True)
class Examples:
    """The files to learn from. `validation` are conversations that are only measured on."""

    preferences: Path
    conversations: Path | None = None
    validation: Path | None = None


def align(
    name: str, base: Artifact, home: Home, examples: Examples, choices: Choices
) -> tuple[list[Step], Mapping[str, Artifact]]:
    """Return the steps that make the model `name` of `base`, and what they take as it is.

    Raises InputError for a base whose checkpoint is not in the home, and for one that has not learned to answer and
    gets no conversations to learn it from.
    """
    start = start_of(base, home)
    if examples.conversations is None and base.facts.get("kind") == "base":
        raise _cannot_answer(base)
    # Nothing is run for what is given, so there is nothing to say how.
    given = Step("start", start.name, start.kind, "", {})
    row_tokens = choices.row_tokens or int(start.facts["model"]["context"])
    return aligned(name, given, examples, replace(choices, row_tokens=row_tokens)), {given.name: start}


def aligned(name: str, start: Step, examples: Examples, choices: Choices) -> list[Step]:
    """Return the steps that make the model `name` of what the step `start` gives; `row_tokens` must be chosen."""
    steps, taught = _taught(name, start, examples, choices) if examples.conversations else ([], start)
    more, preferred, report = _preferred(name, start, taught, examples.preferences, choices)
    parts = {"checkpoint": preferred, "tokenizer": start, "report": report}
    model = Step("model", name, "Model", "ingot.infer.run:package", PackageConfig(kind="chat"), parts)
    # Pairs are read before anything is trained: what is wrong with them is told at once.
    return [more[0], *steps, *more[1:], report, model]


def _taught(name: str, given: Step, examples: Examples, choices: Choices) -> tuple[list[Step], Step]:
    """Return the steps of the first stage, and the one whose checkpoint the next goes on from."""
    assert examples.conversations is not None, "asked for with conversations only"
    chosen = TeachingChoices(
        epochs=choices.conversation_epochs,
        rate_factor=choices.rate_factor,
        seed=choices.seed,
        adapters=choices.adapters,
        bad_rows=choices.bad_rows,
    )
    steps = teaching(f"{name}-taught", given, examples.conversations, examples.validation, chosen)
    return _in_weights("taught", f"{name}-taught-merged", [*steps], given, choices)


def _preferred(
    name: str, tokenizer: Step, start: Step, preferences: Path, choices: Choices
) -> tuple[list[Step], Step, Step]:
    """Return the steps of the second stage, the one whose checkpoint it ends with, and the report on it."""
    framing = PreferencesConfig(choices.row_tokens, choices.held_out_share, choices.bad_rows)
    pairs = Step(
        "pairs",
        f"{name}-pairs",
        "Shards",
        "ingot.data.preferences:tokenize",
        framing,
        {"tokenizer": tokenizer},
        {"preferences": file_source(preferences)},
    )
    known = {fact: pairs.field(fact) for fact in _KNOWN} | {"model": start.field("model")}
    factor = choices.rate_factor * (ADAPTER_RATE if choices.adapters else 1.0)
    wanted = Partial(PreferConfig, {"epochs": choices.preference_epochs, "rate_factor": factor})
    plan = Step("preference-plan", f"{name}-plan", "Plan", "ingot.plan.preferring:plan", wanted, fields=known)
    read = {"start": start, "tokenizer": tokenizer, "shards": pairs}
    length = {"sequence_length": pairs.field("row_tokens")}
    scored: dict[str, Any] = {"config": {}, "inputs": read, "fields": length, "is_resumable": True}
    reference = Step("reference", f"{name}-reference", "Reference", "ingot.train.reference:score", **scored)
    trained = Step(
        "preferred",
        f"{name}-preferred" if choices.adapters else f"{name}-checkpoint",
        "Checkpoint",
        "ingot.train.run:pretrain",
        Partial(PretrainConfig, _settings(choices)),
        {**read, "reference": reference},
        fields={fact: plan.field(fact) for fact in PLANNED},
        is_resumable=True,
    )
    steps, last = _in_weights("merged", f"{name}-checkpoint", [pairs, plan, reference, trained], start, choices)
    measured = {**read, "checkpoint": last}
    run = "ingot.evaluate.preferring:report"
    return steps, last, Step("report", f"{name}-report", "Report", run, PreferringConfig(), measured)


def _settings(choices: Choices) -> dict[str, Any]:
    settings = {
        "objective": "preference",
        "objective_options": {name: getattr(choices, name) for name in _OPTIONS},
        "seed": choices.seed,
        "decay_fraction": DECAY,
        "hooks": [HOOK],
    }
    return settings if choices.adapters is None else {**settings, "adapters": literals(choices.adapters)}


def _in_weights(part: str, artifact: str, steps: list[Step], start: Step, choices: Choices) -> tuple[list[Step], Step]:
    """Return a stage's steps and its last: the training, or the step that puts its adapters into the weights."""
    if choices.adapters is None:
        return steps, steps[-1]
    inputs = {"start": start, "adapters": steps[-1]}
    merged = Step(part, artifact, "Checkpoint", "ingot.train.merging:merge", MergeConfig(), inputs)
    return [*steps, merged], merged


def _cannot_answer(base: Artifact) -> InputError:
    return InputError(
        f"{base.reference} is a base model: it goes on with texts and has not learned to answer",
        where=str(base.path),
        why="which of two answers is better says little to a model that writes no answers",
        fix="add conversations, from which it learns that first (`ingot align` takes them as --conversations FILE)",
    )
