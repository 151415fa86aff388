"""A training that begins while its shards are being written, and ends as one that began afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingot.core.storage import link_tree
from ingot.data import run as data_steps
from ingot.data.config import TokenizeConfig
from ingot.data.order import STAGE_SHARDS
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home, damaged_files
from ingot.flow.runner import Options, run
from ingot.flow.step import Facts, Step, StepContext
from ingot.tokenizer.config import Config as TokenizerConfig
from tests.data.datasets import corpus
from tests.train.small import settings

STEPS = 90
_SHARD_BYTES = 4_000


@dataclass(frozen=True)
class Config:
    """Where the training keeps its curve; empty: write at once."""

    home: str = ""


def curate(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write a dataset in row groups of a few documents, as large ones have of many: shards are made of whole ones."""
    place = context.folder / "shards" / "00000"
    place.mkdir(parents=True)
    texts = list(corpus(64).items())
    for split, part in (("train", texts[:60]), ("held_out", texts[60:])):
        table = pa.table({"doc_id": [name for name, _ in part], "text": [text for _, text in part]})
        pq.write_table(table, place / f"{split}.parquet", row_group_size=4)
    return {}


def tokenize(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Make the shards aside with the real step, then let the last one appear after the first training steps."""
    aside = replace(context, folder=context.scratch / "shards", emit=lambda kind, /, **_: None)
    aside.folder.mkdir()
    facts = data_steps.tokenize(TokenizeConfig(shard_bytes=_SHARD_BYTES), inputs, aside)
    *first, last = sorted((aside.folder / "train").iterdir())
    assert len(first) >= STAGE_SHARDS
    (context.folder / "shards.json").write_bytes((aside.folder / "shards.json").read_bytes())
    for folder in (aside.folder / "held_out", *first):
        link_tree(folder, context.folder / folder.relative_to(aside.folder))
    context.emit("readable")
    while config.home and not any(curve.stat().st_size for curve in Path(config.home).glob("work/*/curve.jsonl")):
        time.sleep(0.05)
    link_tree(last, context.folder / "train" / last.name)
    return facts


def graph(home: Path | None) -> Step:
    dataset = Step("dataset", "x-dataset", "Dataset", f"{__name__}:curate", Config())
    vocabulary = TokenizerConfig(vocabulary=384)
    tokenizer = Step(
        "tokenizer", "x-tokenizer", "Tokenizer", "ingot.tokenizer.run:train", vocabulary, inputs={"dataset": dataset}
    )
    shards = Step(
        "shards",
        "x-shards",
        "Shards",
        f"{__name__}:tokenize",
        Config(str(home or "")),
        inputs={"dataset": dataset, "tokenizer": tokenizer},
        is_resumable=True,
    )
    usual = settings(steps=STEPS, batch_size=8, sequence_length=64)
    return Step(
        "checkpoint",
        "x-checkpoint",
        "Checkpoint",
        "ingot.train.run:pretrain",
        replace(usual, model=replace(usual.model, vocabulary=384)),
        inputs={"shards": shards, "tokenizer": tokenizer},
        is_resumable=True,
        reads_early=("shards",),
    )


def test_the_first_training_step_comes_before_the_last_shard(tmp_path: Path) -> None:
    homes = Home(tmp_path / "early"), Home(tmp_path / "late")
    early = run([graph(homes[0].path)], homes[0], Options(overlaps=True)).artifacts["checkpoint"]
    late = run([graph(None)], homes[1]).artifacts["checkpoint"]
    assert [damaged_files(artifact) for artifact in homes[0].all()] == [[]] * 4
    assert _steady(early) == _steady(late)
    assert early.facts["epochs"]["shards"] > 1  # so the last shard was read, too
    assert list(homes[0].work_path.iterdir()) == []


def _steady(artifact: Artifact) -> dict[str, object]:
    """What does not depend on the day: all files but the facts, and of these all but the times."""
    facts = json.loads((artifact.path / "training.json").read_text())
    kept = {name: fact for name, fact in facts.items() if name not in ("seconds", "tokens_per_second")}
    hashes = {name: entry.sha256 for name, entry in artifact.record.files.items() if name != "training.json"}
    return {**kept, **hashes}
