"""Go on from a model that exists: it learns new documents without forgetting the old ones.

    model folder -> general -------------> start -> checkpoint
    documents -> dataset -> tokenizer --/    shards --^  ^-- old-shards

The vocabulary is extended, so that every old token stays; the rows of the model follow. Old text, read again as a small
share of every batch, keeps what the model knew (Ibrahim et al., 2024, section 4: a few percent suffice). The learning
rate climbs anew and stays below that of a training from nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.core.config import literals
from ingot.data.config import CurateConfig, ReadConfig, TokenizeConfig
from ingot.data.connectors import folder
from ingot.data.mixture import Config as Mixture
from ingot.flow.source import Source
from ingot.flow.step import Partial, Step
from ingot.tokenizer.config import Config as TokenizerConfig
from ingot.tokenizer.config import MoveConfig
from ingot.tokenizer.vocabulary import SMALLEST
from ingot.train.config import ImportConfig, PretrainConfig

HOOK = "ingot.evaluate.during:held_out"


@dataclass(frozen=True)
class Choices:
    """How long and how carefully: steps of `batch_size` rows, `replay` of them old text where there is some.

    `vocabulary` is how large the old one may become; 0 adds no token but those Ingot frames texts with.
    """

    steps: int
    batch_size: int = 4
    sequence_length: int = 512
    learning_rate: float = 2e-3
    warmup_steps: int = 20
    replay: float = 0.1
    vocabulary: int = 0
    evaluate_every: int = 0
    checkpoint_every: int = 0
    seed: int = 0


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
    """Return the steps that train the model in a folder on the documents under `paths`, beside those it knew."""

    def step(part: str, run: str, config: object, inputs: dict[str, Step], **more: Any) -> Step:
        kind = part.removeprefix("old-").capitalize()
        return Step(part, f"{name}-{part}", kind, run, config, inputs, **more)

    def texts(prefix: str, given: Sequence[str]) -> tuple[Step, Step]:
        source = {"documents": Source("folder", folder.Config(paths=tuple(given)))}
        in_pieces: dict[str, Any] = {"is_resumable": True, "version": 2}
        read = step(f"{prefix}documents", "ingot.data.run:read", ReadConfig(), {}, sources=source, **in_pieces)
        curated = {"documents": read}
        return read, step(f"{prefix}dataset", "ingot.data.run:curate", CurateConfig(), curated, **in_pieces)

    def tokenised(prefix: str, dataset: Step) -> Step:
        both = {"dataset": dataset, "tokenizer": tokenizer}
        made: dict[str, Any] = {"is_resumable": True, "version": 2}
        return step(f"{prefix}shards", "ingot.data.run:tokenize", TokenizeConfig(), both, **made)

    general = import_model(f"{name}-general", model)
    documents, dataset = texts("", paths)
    words = TokenizerConfig(vocabulary=choices.vocabulary or SMALLEST)
    tokenizer = step("tokenizer", "ingot.tokenizer.run:train", words, {"dataset": dataset, "base": general})
    moving = {"checkpoint": general, "tokenizer": tokenizer}
    move = "ingot.train.vocabulary:move"
    start = Step("start", f"{name}-start", "Checkpoint", move, MoveConfig(choices.seed), moving)
    shards = {"shards": tokenised("", dataset)}
    before = [general, documents, dataset, tokenizer, start]
    if old_paths:
        old_documents, old_dataset = texts("old-", old_paths)
        shards["old"] = tokenised("old-", old_dataset)
        before += [old_documents, old_dataset]
    checkpoint = step(
        "checkpoint",
        "ingot.train.run:pretrain",
        _settings(choices, has_old=bool(old_paths)),
        {**shards, "tokenizer": tokenizer, "start": start},
        fields={"model": start.field("model")},
        is_resumable=True,
    )
    return [*before, *shards.values(), checkpoint]


def _settings(choices: Choices, has_old: bool) -> Partial:
    # Made here, so that a share that cannot be is said before anything else.
    mixture = Mixture(weights={"shards": 1.0}, replay={"old": choices.replay}) if has_old else Mixture()
    same = ("steps", "batch_size", "sequence_length", "learning_rate", "warmup_steps", "seed")
    chosen = {name: getattr(choices, name) for name in (*same, "evaluate_every", "checkpoint_every")}
    return Partial(PretrainConfig, {**chosen, "hooks": [HOOK], "mixture": literals(mixture)})
