"""Questions whose documents are known: an index is asked, and should find them among the first.

A row names the documents by id, URI or the end of one (`leave.md`, `handbook/leave.md`): a list, or names parted by
`|`. Where documents have no names to go by, a row may quote a `text` instead: a document that holds it, whatever its
white space and case, is a right one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Search

VERSION = 1


@dataclass(frozen=True)
class Config:
    """The names of the columns, and what parts several documents."""

    question: str = "question"
    document: str = "document"
    text: str = "text"
    group: str = "group"
    parted_by: str = "|"


def items(row: Row, config: Config) -> Iterator[Search]:
    """Yield the row's question."""
    question = row.text(config.question).strip()
    documents = _several(row, config.document, config.parted_by) if row.has(config.document) else ()
    texts = (row.text(config.text).strip(),) if row.has(config.text) and not documents else ()
    if not documents and not texts:
        raise BadRowError(config.document, f"is missing, and so is {config.text}: what is to be found?")
    group = str(row.fields[config.group]) if row.has(config.group) else ""
    yield Search(row.place, question, documents, texts, group)


def _several(row: Row, name: str, parted_by: str) -> tuple[str, ...]:
    if isinstance(row.value(name), list):
        return tuple(dict.fromkeys(row.texts(name)))
    parts = [part.strip() for part in row.text(name).split(parted_by)]
    return tuple(dict.fromkeys(part for part in parts if part))
