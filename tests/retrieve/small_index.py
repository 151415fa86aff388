"""A dataset of a few texts, and an index of it, as the steps leave them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from ingot.core.tables import SHARDS_FOLDER, shard_name
from ingot.data.document import SCHEMA, Piece, as_documents
from ingot.flow.artifact import Artifact
from ingot.flow.source import SourceItem
from ingot.flow.step import StepContext
from ingot.retrieve.config import IndexConfig
from ingot.retrieve.run import index
from tests.evaluate.small_build import artifact, silent

TEXTS = {
    "leases/end.md": "The lease ends in May.\n\nThe landlord may end it early when the tenant keeps bees.",
    "leases/rent.md": "Rent is due on the first of the month. Late rent costs a fee.",
    "visits/hours.md": "Visitors come from nine to five. Bees are not visitors.",
    "visits/空.md": "患者は病院に行く。",
}


def dataset(folder: Path, texts: Mapping[str, str], table: str = "train") -> Artifact:
    """Write documents as a dataset has them, a table in two shards."""
    rows = []
    for uri, text in texts.items():
        size = len(text.encode())
        item = SourceItem(uri, uri, size, uri, 0.0)
        made = as_documents(iter([Piece(text, 0, size)]), item, media_type="text/plain", parser="text", licence="CC0")
        rows += [document.as_row() for document in made]
    half = len(rows) // 2
    for number, some in enumerate((rows[:half], rows[half:])):
        shard = folder / SHARDS_FOLDER / shard_name(number)
        shard.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.Table.from_pylist(some, schema=SCHEMA), shard / f"{table}.parquet")
    return artifact("acme-dataset", folder, {})


def made(place: Path, texts: Mapping[str, str] = TEXTS, embedder: Artifact | None = None, **config: Any) -> Artifact:
    """Index some texts below a folder."""
    out = place / "index"
    out.mkdir(parents=True)
    inputs = {"dataset": dataset(place / "dataset", texts)} | ({"embedder": embedder} if embedder else {})
    facts = index(IndexConfig(**config), inputs, StepContext(out, place, 1, silent))
    return artifact("acme-index", out, facts)
