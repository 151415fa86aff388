"""GSM8K (Cobbe et al. 2021) as published: word problems whose answer ends with `#### ` and a number.

The model writes its working, and the number it ends with must be the right one; examples show the published working.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Asking, Question

VERSION = 1
ASKING = Asking(scorers=("number",), stops=("Question:", "\n\n"), max_tokens=256)


@dataclass(frozen=True)
class Config:
    """The names of the fields."""

    question: str = "question"
    answer: str = "answer"


def items(row: Row, config: Config) -> Iterator[Question]:
    """Yield the row's problem."""
    answer = row.text(config.answer)
    if "####" not in answer:
        raise BadRowError(config.answer, "does not end with #### and a number")
    yield Question(row.place, f"Question: {row.text(config.question)}\nAnswer:", (answer,))
