"""Go on from a model that exists: it learns new documents and reads some of the old ones again.

    model folder -> general -------------> start -----------> checkpoint -> report -> model
    documents -> dataset -> tokenizer --/    shards, old-shards --^--> audit --^
                                  probe -> plan ------------------^

The vocabulary is extended, so that every old token stays; the rows of the model follow. Old text, read again as a small
share of every batch, keeps most of what a large model knew (Ibrahim et al., 2024, section 4); a small one forgets more.
The learning rate climbs anew and stays below that of a training from nothing. The report says what was gained on the
new text and what was lost on the old.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingot.core.config import literals
from ingot.data.config import CurateConfig, ReadConfig, TokenizeConfig
from ingot.data.connectors import folder
from ingot.data.mixture import Config as Mixture
from ingot.evaluate.config import AuditConfig, EvaluateConfig
from ingot.flow.source import Source
from ingot.flow.step import Partial, Step
from ingot.infer.config import PackageConfig
from ingot.plan.continuing import ContinueConfig
from ingot.recipes.quickstart import PLANNED_SETTINGS, PROBE_ARTIFACT, planted
from ingot.tokenizer.config import Config as TokenizerConfig
from ingot.tokenizer.config import MoveConfig
from ingot.tokenizer.vocabulary import SMALLEST
from ingot.train.config import ImportConfig, PretrainConfig, ProbeConfig

HOOK = "ingot.evaluate.during:held_out"
# Of the choices, what the plan is told; those that are zero it chooses itself.
_FOR_THE_PLAN = ("steps", "seconds", "readings", "batch_size", "sequence_length", "learning_rate")


@dataclass(frozen=True)
class Choices:
    """How long and how carefully; zero means: the plan decides, except for the seed and the vocabulary.

    At most one of seconds (of training), steps and `readings` of the new text is the budget. `replay` is the share of
    every batch that is old text, where there is some; `start_share` is that of the start's weights in the result, which
    then forgets less and learns a little less. `vocabulary` is how large the old one may become; 0 adds no token
    but those Ingot frames texts with. Without `canaries` nothing is put into the new text, and the audit says less.
    """

    steps: int = 0
    seconds: float = 0.0
    readings: float = 0.0
    batch_size: int = 0
    sequence_length: int = 0
    learning_rate: float = 0.0
    replay: float = 0.1
    start_share: float = 0.0
    vocabulary: int = 0
    seed: int = 0
    canaries: bool = True
    exclude: tuple[str, ...] = ()
    curation: CurateConfig = field(default_factory=CurateConfig)


def import_model(name: str, model: Path) -> Step:
    """Return the step that takes in the files of a model folder, not of folders below it."""
    files = sorted(str(path) for path in model.iterdir() if path.is_file()) or [str(model)]
    source = Source("folder", folder.Config(paths=tuple(files)))
    return Step(
        "import", name, "Checkpoint", "ingot.train.importing:take_in", ImportConfig(), sources={"model": source}
    )


def continue_pretrain(
    name: str, model: Path, paths: Sequence[str], choices: Choices, old_paths: Sequence[str] = ()
) -> list[Step]:
    """Return the steps that make the model `name` of the one in a folder and the documents under `paths`.

    What it knew before, or text of the same kind, lies under `old_paths`.
    """

    def step(part: str, run: str, config: object, inputs: Mapping[str, Step], **more: Any) -> Step:
        kind = part.removeprefix("old-").capitalize()
        return Step(part, f"{name}-{part}", kind, run, config, inputs, **more)

    def texts(prefix: str, given: Sequence[str]) -> tuple[Step, Step]:
        left_out = (*folder.Config(()).exclude, *choices.exclude)
        source = {"documents": Source("folder", folder.Config(paths=tuple(given), exclude=left_out))}
        in_pieces: dict[str, Any] = {"is_resumable": True, "version": 2}
        read = step(f"{prefix}documents", "ingot.data.run:read", ReadConfig(), {}, sources=source, **in_pieces)
        curated = {"documents": read}
        return read, step(f"{prefix}dataset", "ingot.data.run:curate", choices.curation, curated, **in_pieces)

    def tokenised(prefix: str, dataset: Step, config: TokenizeConfig) -> Step:
        both = {"dataset": dataset, "tokenizer": tokenizer}
        made: dict[str, Any] = {"is_resumable": True, "version": 2}
        return step(f"{prefix}shards", "ingot.data.run:tokenize", config, both, **made)

    general = import_model(f"{name}-general", model)
    documents, dataset = texts("", paths)
    words = TokenizerConfig(vocabulary=choices.vocabulary or SMALLEST)
    tokenizer = step("tokenizer", "ingot.tokenizer.run:train", words, {"dataset": dataset, "base": general})
    moving = {"checkpoint": general, "tokenizer": tokenizer}
    move = "ingot.train.vocabulary:move"
    start = Step("start", f"{name}-start", "Checkpoint", move, MoveConfig(choices.seed), moving)
    shards = {"shards": tokenised("", dataset, planted(choices.canaries, choices.seed))}
    old = list(texts("old-", old_paths)) if old_paths else []
    if old:
        shards["old"] = tokenised("old-", old[-1], TokenizeConfig())

    probe = Step("probe", PROBE_ARTIFACT, "Probe", "ingot.train.probe:measure", ProbeConfig())
    known = {"model": start.field("model"), "train_tokens": shards["shards"].field("train_tokens")}
    plan = step("plan", "ingot.plan.continuing:plan", _budget(choices, bool(old)), {"probe": probe}, fields=known)
    checkpoint = step(
        "checkpoint",
        "ingot.train.run:pretrain",
        _settings(choices, bool(old)),
        {**shards, "tokenizer": tokenizer, "start": start},
        fields={name: plan.field(name) for name in PLANNED_SETTINGS},
        is_resumable=True,
    )
    learned = {"checkpoint": checkpoint, "start": start, **shards}
    audit = step("audit", "ingot.evaluate.memorisation:audit", AuditConfig(), learned)
    # By their names: the report shows what each took, and compares the start with what came of it.
    seen = [documents, dataset, *old[-1:], tokenizer, start, plan, shards["shards"], checkpoint, audit]
    report = step("report", "ingot.evaluate.run:evaluate", EvaluateConfig(), {each.name: each for each in seen})
    parts = {each.name: each for each in (checkpoint, tokenizer, report)}
    made = Step("model", name, "Model", "ingot.infer.run:package", PackageConfig(), parts)
    before = [general, documents, dataset, tokenizer, start, *old, *shards.values(), probe, plan]
    return [*before, checkpoint, audit, report, made]


def _budget(choices: Choices, has_old: bool) -> Partial:
    chosen = {name: getattr(choices, name) for name in _FOR_THE_PLAN}
    return Partial(ContinueConfig, {**chosen, "replay": choices.replay if has_old else 0.0})


def _settings(choices: Choices, has_old: bool) -> Partial:
    # Made here, so that a share that cannot be is said before anything else.
    mixture = Mixture(weights={"shards": 1.0}, replay={"old": choices.replay}) if has_old else Mixture()
    kept = {"start_share": choices.start_share} if choices.start_share else {}
    return Partial(PretrainConfig, {"seed": choices.seed, "hooks": [HOOK], "mixture": literals(mixture), **kept})
