"""What filters take from beside the texts: folders of other artifacts, and what a source said about a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingot.core.errors import UsageError, suggest
from ingot.data.batch import TextBatch


def input_folder(batch: TextBatch, name: str, plugin: str) -> Path:
    """Return the folder of an input by its name. Raises UsageError when the step has no such input."""
    if name not in batch.inputs:
        raise UsageError(
            f"the filter {plugin!r} needs the input {name!r}",
            why="what it compares with is made by another step",
            fix=f"give the step curate an input named {name!r} ({suggest(name, batch.inputs)})",
        )
    return batch.inputs[name]


def terms(batch: TextBatch, name: str) -> list[Any]:
    """Return a column about the documents; None for each where the batch does not have it."""
    if name not in batch.rows.schema.names:
        return [None] * len(batch)
    values: list[Any] = batch.rows.column(name).to_pylist()
    return values
