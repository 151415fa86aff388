"""Questions with the passages to answer them from: the answer should say nothing that stands in none of them.

A row has a `question` and `passages`: a list, or texts parted by `|`; PubMedQA's `QUESTION` and `CONTEXTS` are options.
What is measured is what the answer stands on, not whether it is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Asking, Question

VERSION = 1
ASKING = Asking(scorers=("grounded",), stops=("\n\n", "Question:"), max_tokens=128)


@dataclass(frozen=True)
class Config:
    """The names of the columns, what parts several passages, and the prompt behind the numbered passages."""

    question: str = "question"
    passages: str = "passages"
    group: str = "group"
    parted_by: str = "|"
    prompt: str = "Question: {question}\nAnswer:"


def items(row: Row, config: Config) -> Iterator[Question]:
    """Yield the row's question, its passages as what is right."""
    question = row.text(config.question)
    if isinstance(row.value(config.passages), list):
        passages = row.texts(config.passages)
    else:
        parts = [part.strip() for part in row.text(config.passages).split(config.parted_by)]
        passages = tuple(part for part in parts if part)
    if not passages:
        raise BadRowError(config.passages, "is empty")
    shown = "\n".join(f"[{number}] {passage}" for number, passage in enumerate(passages, start=1))
    group = str(row.fields[config.group]) if row.has(config.group) else ""
    yield Question(row.place, f"{shown}\n\n{row.filled(config.prompt, question=question)}", passages, group)
