"""The text of a generalist that has read some of one's own: general documents, and a share of one's own.

Documents are taken in the order of a hash of their ids, which is as good as by lot and the same on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingot.core.errors import InputError
from ingot.core.tables import SHARDS_FOLDER, parts, read_batches, shard_name
from ingot.data.document import SCHEMA
from ingot.data.rows import TableWriter
from ingot.evaluate.evidence.config import MixConfig
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext

OWN, GENERAL = "own", "general"


def mix(config: MixConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write a dataset of the datasets `general` and `own`, with `own_share` of its bytes from the second.

    All of the smaller one is taken, by that measure, and as much of the other as the share leaves.
    """
    own, general = _table(inputs[OWN].path, "train"), _table(inputs[GENERAL].path, "train")
    sizes = {OWN: _bytes(own), GENERAL: _bytes(general)}
    if not all(sizes.values()):
        raise InputError("there is no text to mix", where=str(context.folder), fix="give documents and general text")
    whole = min(sizes[OWN] / config.own_share, sizes[GENERAL] / (1 - config.own_share))
    taken = [_about(own, whole * config.own_share), _about(general, whole * (1 - config.own_share))]
    place = context.folder / SHARDS_FOLDER / shard_name(0)
    place.mkdir(parents=True)
    train = _write(pa.concat_tables(taken), place / "train.parquet")
    kept = pa.concat_tables([_table(inputs[name].path, "held_out") for name in (OWN, GENERAL)])
    held_out = _write(kept, place / "held_out.parquet")
    return {
        "train_documents": sum(map(len, taken)),
        "train_bytes": train,
        "held_out_bytes": held_out,
        "own_bytes": _bytes(taken[0]),
        "general_bytes": _bytes(taken[1]),
        "own_share": round(_bytes(taken[0]) / train, 4),
    }


def _table(dataset: Path, split: str) -> pa.Table:
    batches = [batch.select(SCHEMA.names) for batch in read_batches(parts(dataset, split), SCHEMA.names)]
    return pa.Table.from_batches(batches).cast(SCHEMA) if batches else SCHEMA.empty_table()


def _bytes(table: pa.Table) -> int:
    return int(pc.sum(pc.binary_length(table["text"])).as_py() or 0)


def _about(table: pa.Table, wanted: float) -> pa.Table:
    """Return the documents with the smallest hashes that have about so many bytes together, at least one."""
    ids = table["doc_id"].to_pylist()
    order = sorted(range(len(ids)), key=lambda number: hashlib.blake2b(ids[number].encode()).digest())
    sizes = pc.binary_length(table["text"]).to_numpy()[order]
    count = max(1, int(np.searchsorted(sizes.cumsum(), wanted, side="right")))
    return table.take(pa.array(order[:count]))


def _write(table: pa.Table, path: Path) -> int:
    with TableWriter(path, SCHEMA) as writer:
        writer.write(table)
    return writer.text_bytes
