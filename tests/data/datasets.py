"""Small datasets made by the real pipeline, for tests that look into one."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from ingot.core.tables import shard_name
from ingot.data.config import CurateConfig, ReadConfig, TokenizeConfig
from ingot.data.connectors import folder as folder_connector
from ingot.data.document import SCHEMA, Piece, as_documents
from ingot.data.pipeline import curate_documents
from ingot.data.rows import RowWriter
from ingot.flow.source import Source, SourceItem
from ingot.flow.step import Step, StepContext
from ingot.flow.tasks import Tasks
from ingot.tokenizer.config import Config as TokenizerConfig

VOCABULARY = [f"term{number}" for number in range(2000)]


def words(seed: int, count: int = 150) -> str:
    """Return a text like no other."""
    return " ".join(random.Random(seed).choices(VOCABULARY, k=count)) + "\n"


def corpus(count: int = 60) -> dict[str, str]:
    """Return texts by name."""
    return {f"{number:03}.txt": words(number) for number in range(count)}


def ignore(kind: str, /, **fields: Any) -> None:
    """Take no notice of events."""


def documents(folder: Path, texts: dict[str, str], parser: str = "text", shards: int = 1) -> Path:
    """Write the documents of an artifact, in that many shards."""
    named = sorted(texts.items())
    size = -(-len(named) // shards)
    for number in range(shards):
        shard = folder / "shards" / shard_name(number)
        shard.mkdir(parents=True, exist_ok=True)
        with RowWriter(shard / "documents.parquet", SCHEMA) as writer:
            for uri, text in named[number * size : (number + 1) * size]:
                item = SourceItem(uri, uri, len(text.encode()), "0" * 64, 0.0)
                pieces = iter([Piece(text, 0, item.bytes)])
                (document,) = as_documents(pieces, item, media_type="text/plain", parser=parser)
                writer.write(document.as_row())
    return folder


def dataset(
    folder: Path, texts: dict[str, str], config: CurateConfig | None = None, shards: int = 1, tasks: Tasks | None = None
) -> dict[str, Any]:
    """Curate texts into `folder`, with their documents beside it; return the facts."""
    folder.mkdir(parents=True, exist_ok=True)
    context = StepContext(folder, folder.parent, 1, ignore, tasks=tasks or Tasks())
    read = documents(folder.with_name(f"{folder.name}-documents"), texts, shards=shards)
    return curate_documents(read, config or CurateConfig(), context)


def recipe(docs: Path) -> list[Step]:
    """Return the step that makes token shards of a folder, named x-shards, and so what it needs."""
    source = Source("folder", folder_connector.Config((str(docs),)))
    documents = Step(
        "documents", "x-documents", "Documents", "ingot.data.run:read", ReadConfig(), sources={"d": source}
    )
    dataset = Step(
        "dataset", "x-dataset", "Dataset", "ingot.data.run:curate", CurateConfig(), inputs={"documents": documents}
    )
    tokenizer = Step(
        "tokenizer",
        "x-tokenizer",
        "Tokenizer",
        "ingot.tokenizer.run:train",
        TokenizerConfig(vocabulary=384),
        inputs={"dataset": dataset},
    )
    inputs = {"dataset": dataset, "tokenizer": tokenizer}
    return [Step("shards", "x-shards", "Shards", "ingot.data.run:tokenize", TokenizeConfig(), inputs=inputs)]
