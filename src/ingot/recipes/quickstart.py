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
from typing import Any, Literal

from ingot.data.config import CurateConfig, ReadConfig, TokenizeConfig
from ingot.data.connectors import folder
from ingot.evaluate.config import EvaluateConfig
from ingot.flow.source import Source
from ingot.flow.step import Partial, Step
from ingot.infer.config import PackageConfig
from ingot.plan.config import PlanConfig
from ingot.tokenizer.config import Config as TokenizerConfig
from ingot.train.config import PretrainConfig, ProbeConfig

PROBE_ARTIFACT = "machine-probe"


@dataclass(frozen=True)
class Choices:
    """What the user decides; zero means: the plan decides, except for the seed.

    Exactly one of seconds, steps and tokens is the budget.
    """

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

    def step(part: str, kind: str, run: str, config: object, **wiring: Any) -> Step:
        return Step(part, f"{name}-{part}", kind, run, config, **wiring)

    source = {"documents": _folders(paths, choices.exclude)}
    documents = step("documents", "Documents", "ingot.data.run:read", ReadConfig(), sources=source)
    inputs = {"documents": documents}
    dataset = step("dataset", "Dataset", "ingot.data.run:curate", CurateConfig(), inputs=inputs)

    # One probe serves every build of this home: it is about the machine.
    probe = Step("probe", PROBE_ARTIFACT, "Probe", "ingot.train.probe:measure", ProbeConfig())
    sizes = {"train_bytes": dataset.field("train_bytes"), "held_out_bytes": dataset.field("held_out_bytes")}
    plan = step("plan", "Plan", "ingot.plan.run:plan", _budget(choices), inputs={"probe": probe}, fields=sizes)

    inputs = {"dataset": dataset}
    vocabulary = {"vocabulary": plan.field("vocabulary")}
    tokenizer = step(
        "tokenizer", "Tokenizer", "ingot.tokenizer.run:train", TokenizerConfig(), inputs=inputs, fields=vocabulary
    )
    inputs = {"dataset": dataset, "tokenizer": tokenizer}
    limit = {"token_limit": plan.field("shard_tokens")}
    shards = step("shards", "Shards", "ingot.data.run:tokenize", TokenizeConfig(), inputs=inputs, fields=limit)

    # Evaluation enters training as a hook: the trainer knows a reference, not the room behind it.
    pretraining = Partial(PretrainConfig, {"seed": choices.seed, "hooks": ["ingot.evaluate.during:held_out"]})
    checkpoint = step(
        "checkpoint",
        "Checkpoint",
        "ingot.train.run:pretrain",
        pretraining,
        inputs={"shards": shards, "tokenizer": tokenizer},
        fields={setting: plan.field(setting) for setting in PLANNED_SETTINGS},
        is_resumable=True,
    )
    everything = (documents, dataset, plan, tokenizer, shards, checkpoint)
    inputs = {one.name: one for one in everything}
    report = step("report", "Report", "ingot.evaluate.run:evaluate", EvaluateConfig(), inputs=inputs)

    # The model bears the name the user gave, without a suffix.
    inputs = {"checkpoint": checkpoint, "tokenizer": tokenizer, "report": report}
    model = Step("model", name, "Model", "ingot.infer.run:package", PackageConfig(), inputs=inputs)
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
    )
