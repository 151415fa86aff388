"""A choice between the same few words for every row: classes, yes and no, a grade; the prompt is written by you.

PubMedQA is `prompt: "{CONTEXTS}\\nQuestion: {QUESTION}\\nAnswer:"`, `words: [yes, no, maybe]` and
`answer: final_decision`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingot.core.errors import UsageError
from ingot.evaluate.rows import Row
from ingot.evaluate.task import Choice

VERSION = 1


@dataclass(frozen=True)
class Config:
    """The prompt with columns in braces, the words to choose from, and the column that has the right one.

    `labels` is what the column holds for each word, where that is not the word or its number from 0.
    """

    prompt: str
    words: tuple[str, ...]
    answer: str = "label"
    labels: tuple[str, ...] = ()
    group: str = ""

    def __post_init__(self) -> None:
        if len(self.words) < 2 or (self.labels and len(self.labels) != len(self.words)):
            fix = "give two words or more, and as many labels or none"
            raise UsageError("these words are no choice", where="classes", fix=fix)


def items(row: Row, config: Config) -> Iterator[Choice]:
    """Yield the row's choice."""
    right = row.place_among(config.answer, config.labels or config.words)
    group = str(row.fields[config.group]) if config.group and row.has(config.group) else ""
    yield Choice(row.place, row.filled(config.prompt), config.words, (right,), group)
