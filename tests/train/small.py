"""A training small enough for a test and real all the same: text of the standard library, a vocabulary, shards."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingot.data.shards import Shards, tokenize
from ingot.data.stream import Stream
from ingot.flow.artifact import Artifact, Record
from ingot.flow.step import StepContext
from ingot.model.config import ModelConfig
from ingot.tokenizer.train import learn, write
from ingot.train.config import PretrainConfig

VOCABULARY = 512
MODEL = ModelConfig(VOCABULARY, width=32, layers=2, heads=4, kv_heads=2, head_width=16, ffn_width=64, context=64)


def settings(**changes: Any) -> PretrainConfig:
    usual = {"steps": 12, "batch_size": 4, "sequence_length": 32, "warmup_steps": 3, "precision": "fp32"}
    return PretrainConfig(MODEL, **{**usual, **changes})


def make_inputs(folder: Path) -> dict[str, Artifact]:
    """Write a dataset, its tokenizer and its shards, and return the two a training reads."""
    texts = [Path(module.__file__).read_text(encoding="utf-8")[:20_000] for module in (ast, json)]
    dataset, tokenizer, shards = (folder / name for name in ("dataset", "tokenizer", "shards"))
    for place in (dataset / "shards/00000", tokenizer, shards):
        place.mkdir(parents=True)
    for split, number in (("train", 0), ("held_out", 1)):
        table = pa.table({"doc_id": [f"{split}-{part}" for part in range(4)], "text": _quarters(texts[number])})
        pq.write_table(table, dataset / f"shards/00000/{split}.parquet")
    write(learn(texts, VOCABULARY), tokenizer)
    tokenize(dataset, tokenizer, shards, 0, silent, 1)
    return {name: artifact(name, folder / name) for name in ("shards", "tokenizer")}


def stream(inputs: Mapping[str, Artifact], config: PretrainConfig) -> Stream:
    shards = Shards.open(inputs["shards"].path, "train")
    return Stream(shards, config.batch_size, config.sequence_length, config.seed)


def artifact(name: str, path: Path) -> Artifact:
    nothing: dict[str, Any] = {field.name: {} for field in fields(Record)}
    words = {"name": name, "version": 1, "kind": name.title(), "fingerprint": "0" * 64, "step": name}
    return Artifact(path, Record(**{**nothing, **words}))


class Told:
    """Keeps every event, as a log would."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, kind: str, /, **fields: Any) -> None:
        self.events.append((kind, fields))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [fields for found, fields in self.events if found == kind]


def silent(kind: str, /, **fields: Any) -> None:
    """Report to nobody."""


def context(folder: Path, told: Told | None = None) -> StepContext:
    folder.mkdir(parents=True, exist_ok=True)
    return StepContext(folder, folder / "scratch", 1, told or Told())


def _quarters(text: str) -> list[str]:
    return [text[start : start + len(text) // 4] for start in range(0, len(text) - 3, len(text) // 4)][:4]
