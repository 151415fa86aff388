"""Apply a recipe's transforms to batches of documents, those that must see the whole corpus first included.

A transform that depends on the corpus (which lines does every page of this source repeat?) surveys each shard; the
surveys are merged into one table, its state, and that is what its edits are made with. Transforms run one after the
other, each on what the one before it left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from ingot.core.config import load as load_config
from ingot.core.plugins import load
from ingot.core.tables import count_rows, read_batches
from ingot.data.batch import TextBatch
from ingot.data.edits import Change, Edit, apply_all
from ingot.flow.tasks import TaskContext

SURVEY_FILE = "survey.parquet"


class TransformPlugin(Protocol):
    """What a transform plug-in's class offers, made with its config.

    One that `surveys` describes each batch in a table first; `merge` puts such tables, or what it returned before,
    together in any order, and the last result is the `state` its edits are made with. The others have no state.
    """

    surveys: bool

    def survey(self, batch: TextBatch) -> pa.Table: ...

    def merge(self, tables: Iterable[pa.Table]) -> pa.Table: ...

    def edits(self, batch: TextBatch, state: pa.Table | None) -> Sequence[Sequence[Edit]]: ...


@dataclass(frozen=True)
class Chosen:
    """One transform of a recipe: its name, the plug-in made with its options, and its state where it has one."""

    name: str
    plugin: TransformPlugin
    state: pa.Table | None = None


def choose(choices: Sequence[Mapping[str, Any]], states: Mapping[str, str]) -> list[Chosen]:
    """Make the transforms of `choices` ({"name", "options"}); `states` are Parquet files by place in the list."""
    chosen = []
    for place, choice in enumerate(choices):
        plugin = load("transform", choice["name"])
        config = load_config(plugin.config_type, choice.get("options", {}), f"transform {choice['name']}")
        state = pq.read_table(states[str(place)]) if str(place) in states else None
        chosen.append(Chosen(choice["name"], plugin.entry(config), state))
    return chosen


def transformed(batch: TextBatch, transforms: Sequence[Chosen]) -> tuple[TextBatch, list[tuple[Change, ...]]]:
    """Return the batch with its texts changed, and for every document the changes that did it."""
    changes: list[tuple[Change, ...]] = [()] * len(batch)
    for transform in transforms:
        edits = transform.plugin.edits(batch, transform.state)
        made = [Change(transform.name, tuple(each)) for each in edits]
        if any(change.edits for change in made):
            texts = [apply_all(text, (change,)) for text, change in zip(batch.strings, made, strict=True)]
            batch = with_texts(batch, texts)
            changes = [
                (*before, change) if change.edits else before for before, change in zip(changes, made, strict=True)
            ]
    return batch, changes


def with_texts(batch: TextBatch, texts: Sequence[str]) -> TextBatch:
    """Return the batch with other texts."""
    place = batch.rows.schema.get_field_index("text")
    column = pa.array(texts, batch.rows.schema.field("text").type)
    return TextBatch(batch.rows.set_column(place, batch.rows.schema.field("text"), column), batch.inputs)


def survey_shard(request: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Survey one file of documents for the last of `transforms`; those before it are applied first."""
    *before, surveyor = choose(request["transforms"], request["states"])
    tables = []
    for rows in read_batches(Path(request["documents"])):
        batch, _ = transformed(TextBatch(rows), before)
        tables.append(surveyor.plugin.survey(batch))
    if tables:
        pq.write_table(surveyor.plugin.merge(tables), context.folder / SURVEY_FILE, compression="zstd")
    return {"documents": count_rows(Path(request["documents"]))}
