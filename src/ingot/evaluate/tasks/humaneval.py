"""HumanEval (Chen et al. 2021) as published: the head of a function and its description; tests decide about the rest.

The answer is run with the published tests in a confined process. A base model continues the text until the function
ends; `framing: chat` asks a chat model for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.scorers.python_tests import HERE
from ingot.evaluate.task import Asking, Question

VERSION = 1
# What begins something new at the margin: the function is over (Chen et al. 2021, section 2.3).
ASKING = Asking(scorers=("python_tests",), stops=("\nclass", "\ndef", "\n#", "\nif", "\nprint"), max_tokens=384)


@dataclass(frozen=True)
class Config:
    """Nothing to set: the fields are those of the published file."""


def items(row: Row, config: Config) -> Iterator[Question]:
    """Yield the row's function."""
    prompt, name = row.text("prompt"), row.text("entry_point").strip()
    if f"def {name}(" not in prompt:
        raise BadRowError("entry_point", f"is {name!r}, which the prompt does not define")
    tests = f"{row.text('test')}\ncheck({name})\n"
    # The name it was published under holds for every copy of the file.
    place = str(row.fields["task_id"]) if row.has("task_id") else row.place
    yield Question(place, prompt, (row.text("canonical_solution"),), check=f"{prompt}{HERE}{tests}")
