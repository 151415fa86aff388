"""A dataset of a few documents, as curation leaves one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingot.core.tables import SHARDS_FOLDER, shard_name


def make_dataset(folder: Path, train: Sequence[str], held_out: Sequence[str]) -> Path:
    shard = folder / SHARDS_FOLDER / shard_name(0)
    shard.mkdir(parents=True)
    for table, texts in (("train", train), ("held_out", held_out)):
        rows = {"doc_id": [f"{table}-{number}" for number in range(len(texts))], "text": list(texts)}
        pq.write_table(pa.table(rows), shard / f"{table}.parquet")
    return folder
