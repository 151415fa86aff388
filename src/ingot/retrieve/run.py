"""The step that makes a dataset searchable: passages, the postings of their words and, with a model, their vectors.

    index(IndexConfig(), {"dataset": ..., "embedder": ...}, context) -> artifact of kind Index

`dataset` is an artifact of kind Dataset or Documents. `embedder` may be left out: then words alone are searched, and
the facts say so (`rankers`). Whoever asks opens the result with `ingot.retrieve.search.open_index(artifact.path)`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.core.tables import parts
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.retrieve import bm25, store, terms, vectors
from ingot.retrieve.config import IndexConfig

DATASET, EMBEDDER = "dataset", "embedder"
INDEX_FILE, FORMAT = "passages.json", 1
_TOLD_EVERY = 4096


def index(config: IndexConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Make the `dataset` searchable, by the vectors of the `embedder` too where there is one; returns what is in it.

    Takes about 16 bytes of memory for each different word of each passage. Raises InputError for a dataset without
    text, and for a model that makes no vectors.
    """
    embedder = inputs.get(EMBEDDER)
    files = _files(inputs[DATASET].path, config)
    facts = make(files, config, context, embedder.path if embedder else None)
    return facts | ({"embedder": embedder.reference} if embedder else {})


def make(files: Sequence[Path], config: IndexConfig, context: StepContext, embedder: Path | None) -> dict[str, Any]:
    """Write the index of some tables of documents; `embedder` is the folder of a model."""
    counter = bm25.Counter()
    for number, text in enumerate(store.write(files, context.folder, config.passage_bytes), start=1):
        counter.add(text)
        if number % _TOLD_EVERY == 0:
            context.emit("progress", done=number, total=None, unit="passages")
    if not counter.sizes:
        raise InputError("there is no text to search", where=str(files[0].parent), fix="give a dataset with text")
    found = counter.write(context.folder / bm25.FOLDER, config.saturation, config.length_share)
    stored = store.Stored(context.folder)
    facts = {
        "documents": len(stored.documents),
        "passages": len(counter.sizes),
        "bytes": (context.folder / store.TEXT_FILE).stat().st_size,
        "terms": found,
        "rankers": ["words"],
    }
    if embedder is not None:
        width = vectors.write(stored, embedder, context)
        facts |= {"rankers": ["words", "vectors"], "width": width}
    told = {"format": FORMAT, "check": terms.check(), **facts}
    write_atomically(context.folder / INDEX_FILE, json.dumps(told, indent=1) + "\n")
    return facts


def _files(dataset: Path, config: IndexConfig) -> list[Path]:
    tables = [path for table in config.tables for path in parts(dataset, table)]
    found = tables or parts(dataset, "documents")
    if not found:
        raise InputError(
            "there are no documents to search in this artifact",
            where=str(dataset),
            fix="give an artifact of kind Dataset or Documents (`ingot artifacts` lists what there is)",
        )
    return found
