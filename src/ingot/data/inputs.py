"""What filters take from beside the texts: folders of other artifacts, and what a source said about a document."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ingot.core.config import literals
from ingot.core.errors import UsageError, suggest
from ingot.data.annotations import filters
from ingot.data.batch import TextBatch
from ingot.data.config import Choice


def check_inputs(choices: Sequence[Choice], given: Collection[str]) -> None:
    """Raise UsageError when a filter asks for an input that is not given, before a document is looked at.

    A filter asks by the options `input`, a name, or `inputs`, names.
    """
    for plugin, config in filters([literals(choice) for choice in choices]):
        for name in (getattr(config, "input", ""), *getattr(config, "inputs", ())):
            if name and name not in given:
                raise _missing(name, plugin.name, given)


def input_folder(batch: TextBatch, name: str, plugin: str) -> Path:
    """Return the folder of an input by its name. Raises UsageError when the step has no such input."""
    if name not in batch.inputs:
        raise _missing(name, plugin, batch.inputs)
    return batch.inputs[name]


def _missing(name: str, plugin: str, given: Collection[str]) -> UsageError:
    there = f" ({suggest(name, given)})" if given else ""
    return UsageError(
        f"the filter {plugin!r} needs the input {name!r}",
        where="curation, filters",
        why="what it compares with is made by another step",
        fix=f"run a recipe that makes it and gives the step curate an input named {name!r}{there}",
    )


def terms(batch: TextBatch, name: str) -> list[Any]:
    """Return a column about the documents; None for each where the batch does not have it."""
    if name not in batch.rows.schema.names:
        return [None] * len(batch)
    values: list[Any] = batch.rows.column(name).to_pylist()
    return values
