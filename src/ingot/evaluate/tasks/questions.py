"""Questions with answers from a spreadsheet saved as CSV, or from JSON: the model writes, and its words are compared.

A row may have several right answers: a list, or texts parted by `|`. A column `group` divides the figures. With a
column `confirmed`, as a person fills it who checks questions that a model proposed, rows without a yes are faults.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Asking, Question

VERSION = 1
ASKING = Asking(scorers=("exact_match", "f1"), stops=("\n", "Question:"), max_tokens=64)
_YES = ("yes", "y", "true", "1", "x")


@dataclass(frozen=True)
class Config:
    """The names of the columns, what parts several right answers, and the prompt, with `{question}` and any column."""

    question: str = "question"
    answer: str = "answer"
    group: str = "group"
    confirmed: str = "confirmed"
    parted_by: str = "|"
    prompt: str = "Question: {question}\nAnswer:"


def items(row: Row, config: Config) -> Iterator[Question]:
    """Yield the row's question."""
    if config.confirmed in row.fields and str(row.fields[config.confirmed] or "").strip().lower() not in _YES:
        raise BadRowError(config.confirmed, "nobody has confirmed this question; write yes when it is right")
    value = row.value(config.answer)
    if isinstance(value, list):
        answers = row.texts(config.answer)
    else:
        answers = tuple(part.strip() for part in row.text(config.answer).split(config.parted_by) if part.strip())
    if not answers:
        raise BadRowError(config.answer, "is empty")
    group = str(row.fields[config.group]) if row.has(config.group) else ""
    yield Question(row.place, row.filled(config.prompt, question=row.text(config.question)), answers, group)
