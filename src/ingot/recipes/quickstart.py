"""From folders of documents to a registered model: the whole product on one page.

    documents -> dataset -> plan -> tokenizer -> shards -> checkpoint -> report -> model
                   probe ---^

Every arrow is a Step that runs in a process of its own and leaves an Artifact with a record. The plan decides sizes and
steps from the amount of text, the budget and what the probe measured on this machine; the steps after it take its
numbers one by one, so a changed plan redoes only what its changed numbers reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ingot.data.config import CurateConfig, ReadConfig, TokenizeConfig
from ingot.data.connectors import folder
from ingot.evaluate.config import EvaluateConfig
from ingot.flow.source import Source
from ingot.flow.step import Partial, Step
from ingot.infer.config import PackageConfig
from ingot.plan.config import PlanConfig
from ingot.tokenizer.config import Config as TokenizerConfig
from ingot.train.config import PretrainConfig, ProbeConfig


@dataclass(frozen=True)
class Choices:
    """What the user decides; zero means: the plan decides. Exactly one of seconds, steps and tokens is the budget."""

    seconds: float = 0.0
    steps: int = 0
    tokens: int = 0
    vocabulary: int = 0
    width: int = 0
    layers: int = 0
    layout: Literal["qwen3", "mistral"] = "qwen3"
    seed: int = 0
    exclude: tuple[str, ...] = ()


def quickstart(name: str, paths: Sequence[str], choices: Choices) -> list[Step]:
    """Return the steps that turn the documents under `paths` into the model `name`, in order."""
    documents = Step(
        name="documents",
        artifact=f"{name}-documents",
        kind="Documents",
        run="ingot.data.run:read",
        config=ReadConfig(),
        sources={"documents": _folders(paths, choices.exclude)},
    )
    dataset = Step(
        name="dataset",
        artifact=f"{name}-dataset",
        kind="Dataset",
        run="ingot.data.run:curate",
        config=CurateConfig(),
        inputs={"documents": documents},
    )
    probe = Step(
        name="probe",
        artifact="machine-probe",
        kind="Probe",
        run="ingot.train.probe:measure",
        config=ProbeConfig(),
    )
    plan = Step(
        name="plan",
        artifact=f"{name}-plan",
        kind="Plan",
        run="ingot.plan.run:plan",
        config=_budget(choices),
        inputs={"probe": probe},
        fields={"train_bytes": dataset.field("train_bytes"), "held_out_bytes": dataset.field("held_out_bytes")},
    )
    tokenizer = Step(
        name="tokenizer",
        artifact=f"{name}-tokenizer",
        kind="Tokenizer",
        run="ingot.tokenizer.run:train",
        config=TokenizerConfig(),
        inputs={"dataset": dataset},
        fields={"vocabulary": plan.field("vocabulary")},
    )
    shards = Step(
        name="shards",
        artifact=f"{name}-shards",
        kind="Shards",
        run="ingot.data.run:tokenize",
        config=TokenizeConfig(),
        inputs={"dataset": dataset, "tokenizer": tokenizer},
        fields={"token_limit": plan.field("shard_tokens")},
    )
    checkpoint = Step(
        name="checkpoint",
        artifact=f"{name}-checkpoint",
        kind="Checkpoint",
        run="ingot.train.run:pretrain",
        config=Partial(PretrainConfig, {"seed": choices.seed, "hooks": ["ingot.evaluate.during:held_out"]}),
        inputs={"shards": shards, "tokenizer": tokenizer},
        fields={setting: plan.field(setting) for setting in PLANNED_SETTINGS},
        is_resumable=True,
    )
    report = Step(
        name="report",
        artifact=f"{name}-report",
        kind="Report",
        run="ingot.evaluate.run:evaluate",
        config=EvaluateConfig(),
        inputs={
            "documents": documents,
            "dataset": dataset,
            "plan": plan,
            "tokenizer": tokenizer,
            "shards": shards,
            "checkpoint": checkpoint,
        },
    )
    model = Step(
        name="model",
        artifact=name,
        kind="Model",
        run="ingot.infer.run:package",
        config=PackageConfig(),
        inputs={"checkpoint": checkpoint, "tokenizer": tokenizer, "report": report},
    )
    return [documents, dataset, probe, plan, tokenizer, shards, checkpoint, report, model]


# What the trainer takes from the plan, by the same names on both sides.
PLANNED_SETTINGS = (
    "model",
    "steps",
    "batch_size",
    "sequence_length",
    "learning_rate",
    "warmup_steps",
    "checkpoint_every",
    "evaluate_every",
)


def _folders(paths: Sequence[str], exclude: tuple[str, ...]) -> Source:
    usual = folder.Config(paths=tuple(paths))
    return Source("folder", folder.Config(paths=usual.paths, exclude=usual.exclude + exclude))


def _budget(choices: Choices) -> PlanConfig:
    return PlanConfig(
        seconds=choices.seconds,
        steps=choices.steps,
        tokens=choices.tokens,
        vocabulary=choices.vocabulary,
        width=choices.width,
        layers=choices.layers,
        layout=choices.layout,
        seed=choices.seed,
    )
