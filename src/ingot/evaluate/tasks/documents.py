"""Documents that the model has not seen: how many bits it needs for a byte of each; lower is better.

A row holds a `text`, or a file is one; with a dataset as the input these are the documents it kept aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingot.core.errors import UsageError
from ingot.evaluate.rows import Row
from ingot.evaluate.task import Passage

VERSION = 1


@dataclass(frozen=True)
class Config:
    """The columns with the text and with its group, and how many bytes of one document are read at most."""

    text: str = "text"
    group: str = ""
    most_bytes: int = 40_000

    def __post_init__(self) -> None:
        if self.most_bytes < 1:
            raise UsageError("no byte of a document would be read", where="documents", fix="raise most_bytes")


def items(row: Row, config: Config) -> Iterator[Passage]:
    """Yield the row's document, or its beginning."""
    beginning = row.text(config.text).encode()[: config.most_bytes].decode("utf-8", errors="ignore")
    group = str(row.fields[config.group]) if config.group and row.has(config.group) else ""
    yield Passage(str(row.fields.get("uri") or row.place), "", beginning, group)
