"""A spreadsheet of questions: several right answers, groups, and what a person has not confirmed."""

from __future__ import annotations

import pytest

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Question
from ingot.evaluate.tasks.questions import Config, items


def test_a_row_of_a_spreadsheet() -> None:
    row = Row("exam.csv", 2, {"question": "Notice period?", "answer": "three months | 3 months", "group": "lease"})
    (item,) = items(row, Config())
    prompt = "Question: Notice period?\nAnswer:"
    assert item == Question("exam.csv:2", prompt, ("three months", "3 months"), "lease")


def test_a_prompt_may_hold_any_column() -> None:
    row = Row("exam.jsonl", 2, {"question": "Who?", "answer": ["Ann"], "passage": "Ann left."})
    (item,) = items(row, Config(prompt="{passage}\n{question}"))
    assert item.prompt == "Ann left.\nWho?"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"answer": " | "}, "answer"),
        ({"answer": ""}, "answer"),
        ({"question": None}, "question"),
        ({"confirmed": "no"}, "confirmed"),
    ],
)
def test_what_is_no_question_is_refused(changed: dict[str, str], field: str) -> None:
    row = Row("exam.csv", 2, {"question": "Who?", "answer": "Ann", "confirmed": "yes", **changed})
    with pytest.raises(BadRowError) as raised:
        list(items(row, Config()))
    assert raised.value.field == field
