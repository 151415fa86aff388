"""From folders of documents to a registered model: the whole product on one page.

    documents -> dataset -> plan -> tokenizer -> shards -> checkpoint -> audit -> report -> model
                   probe ---^                          ^-- pilots, forecast (when asked for)

Every arrow is a Step that runs in a process of its own and leaves an Artifact with a record. The plan decides sizes and
steps from the amount of text, the budget and what the probe measured on this machine; the steps after it take its
numbers one by one, so a changed plan redoes only what its changed numbers reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ingot.data.canaries import Config as CanaryConfig
from ingot.data.config import CurateConfig, ReadConfig, TokenizeConfig
from ingot.data.connectors import folder
from ingot.evaluate.config import AuditConfig, EvaluateConfig
from ingot.flow.source import Source
from ingot.flow.step import Field, Partial, Step
from ingot.infer.config import PackageConfig
from ingot.plan.config import PlanConfig
from ingot.recipes.pilots import with_forecast
from ingot.tokenizer.config import Config as TokenizerConfig
from ingot.tokenizer.config import CutConfig
from ingot.train.config import PretrainConfig, ProbeConfig

PROBE_ARTIFACT = "machine-probe"
# What the trainer takes from the plan, by the same names on both sides.
PLANNED_SETTINGS = (
    *("model", "steps", "batch_size", "sequence_length", "learning_rate", "warmup_steps"),
    *("checkpoint_every", "evaluate_every", "base_width", "accumulate", "recompute"),
)
# Where text is little, learning ends before; where it is much, a larger table is seldom worth its parameters.
LARGEST_LEARNED = 65_536


@dataclass(frozen=True)
class Choices:
    """What the user decides; zero means: the plan decides, except for the seed.

    Exactly one of seconds, joules, money, steps and tokens is the budget. With `forecast` pilots say first how the
    training will end. Without `canaries` nothing is put into the text, and the audit says less.
    """

    seconds: float = 0.0
    joules: float = 0.0
    money: float = 0.0
    price_per_hour: float = 0.0
    price_per_kwh: float = 0.0
    steps: int = 0
    tokens: int = 0
    vocabulary: int = 0
    width: int = 0
    layers: int = 0
    layout: Literal["qwen3", "mistral"] = "qwen3"
    seed: int = 0
    forecast: bool = False
    canaries: bool = True
    exclude: tuple[str, ...] = ()
    curation: CurateConfig = field(default_factory=CurateConfig)


def quickstart(
    name: str, paths: Sequence[str], choices: Choices, sources: Mapping[str, Source] | None = None
) -> list[Step]:
    """Return the steps that turn the documents under `paths`, and those of `sources`, into the model `name`."""

    def step(part: str, run: str, config: object, inputs: Sequence[Step] = (), **more: Any) -> Step:
        """Return the step whose artifact is "<name>-<part>", of the kind the part is named for."""
        return Step(part, f"{name}-{part}", part.capitalize(), run, config, _by_name(inputs), **more)

    folders = {"documents": _folders(paths, choices.exclude)} if paths else {}
    read_from = {**folders, **(sources or {})}
    in_pieces: dict[str, Any] = {"is_resumable": True, "version": 2}
    documents = step("documents", "ingot.data.run:read", ReadConfig(), sources=read_from, **in_pieces)
    dataset = step("dataset", "ingot.data.run:curate", choices.curation, [documents], **in_pieces)

    # Smaller vocabularies are beginnings of a larger one: it is learned once, and the plan knows what each is worth.
    largest = TokenizerConfig(vocabulary=max(LARGEST_LEARNED, choices.vocabulary))
    vocabulary = step("vocabulary", "ingot.tokenizer.run:train", largest, [dataset])

    # One probe serves every build of this home: it is about the machine.
    probe = Step("probe", PROBE_ARTIFACT, "Probe", "ingot.train.probe:measure", ProbeConfig())
    known = _facts(dataset, "train_bytes", "held_out_bytes") | _facts(vocabulary, "bytes_per_token_by_vocabulary")
    plan = step("plan", "ingot.plan.run:plan", _budget(choices), [probe], fields=known, version=2)

    cut = _by_name([dataset]) | {"tokenizer": vocabulary}
    chosen = _facts(plan, "vocabulary")
    tokenizer = step("tokenizer", "ingot.tokenizer.run:cut", Partial(CutConfig, {}), fields=chosen)
    tokenizer = replace(tokenizer, inputs=cut)
    limit = {"token_limit": plan.field("shard_tokens")}
    of = [dataset, tokenizer]
    made = planted(choices.canaries, choices.seed)
    shards = step("shards", "ingot.data.run:tokenize", made, of, fields=limit, **in_pieces)

    # Evaluation enters training as a hook: the trainer knows a reference, not the room behind it.
    config = Partial(PretrainConfig, {"seed": choices.seed, "hooks": ["ingot.evaluate.during:held_out"]})
    planned = _facts(plan, *PLANNED_SETTINGS)
    checkpoint = step(
        "checkpoint",
        "ingot.train.run:pretrain",
        config,
        [shards, tokenizer],
        fields=planned,
        is_resumable=True,
        reads_early=("shards",),
    )
    foreseen = with_forecast(name, plan, checkpoint) if choices.forecast else [checkpoint]
    checkpoint = foreseen[-1]
    audit = step("audit", "ingot.evaluate.memorisation:audit", AuditConfig(), [checkpoint, shards])
    so_far = [documents, dataset, vocabulary, plan, tokenizer, shards, *foreseen, audit]
    report = step("report", "ingot.evaluate.run:evaluate", EvaluateConfig(), so_far)

    # The model bears the name the user gave, without a suffix.
    parts = _by_name([checkpoint, tokenizer, report])
    model = Step("model", name, "Model", "ingot.infer.run:package", PackageConfig(), parts)
    return [documents, dataset, vocabulary, probe, plan, tokenizer, shards, *foreseen, audit, report, model]


def planted(canaries: bool, seed: int) -> TokenizeConfig:
    """Return how text becomes shards, with canaries in it or without."""
    return TokenizeConfig(canaries=CanaryConfig(seed=seed) if canaries else None)


def _by_name(steps: Sequence[Step]) -> dict[str, Step]:
    return {step.name: step for step in steps}


def _facts(step: Step, *names: str) -> dict[str, Field]:
    return {name: step.field(name) for name in names}


def _folders(paths: Sequence[str], exclude: tuple[str, ...]) -> Source:
    """Read these paths, without what is never a document and without what the user leaves out."""
    usual = folder.Config(paths=tuple(paths))
    return Source("folder", replace(usual, exclude=usual.exclude + exclude))


def _budget(choices: Choices) -> PlanConfig:
    # Pilots cost up to a tenth of the training: so much less is left for it.
    share = 1.1 if choices.forecast else 1.0
    return PlanConfig(
        seconds=choices.seconds / share,
        joules=choices.joules / share,
        money=choices.money / share,
        price_per_hour=choices.price_per_hour,
        price_per_kwh=choices.price_per_kwh,
        steps=choices.steps,
        tokens=choices.tokens,
        vocabulary=choices.vocabulary,
        width=choices.width,
        layers=choices.layers,
        layout=choices.layout,
    )
