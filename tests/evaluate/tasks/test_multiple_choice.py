"""MMLU, ARC and spreadsheets become the same question; what nobody could answer is refused by field."""

from __future__ import annotations

from typing import Any

import pytest

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Choice
from ingot.evaluate.tasks.multiple_choice import Config, columns, items

CHOICES = ("three", "four", "five", "six")
PROMPT = "How many?\nA. three\nB. four\nC. five\nD. six\nAnswer:"


def one(fields: dict[str, Any], config: Config | None = None) -> Choice:
    (item,) = items(Row("anatomy_test.csv", 2, fields), config or Config())
    return item


@pytest.mark.parametrize(
    "fields",
    [
        dict(zip(("question", "A", "B", "C", "D", "answer"), ("How many?", *CHOICES, "C"), strict=True)),
        {"question": "How many?", **{f"choice{n}": c for n, c in enumerate(CHOICES)}, "answer": "2"},
        {"question": "How many?", "choices": list(CHOICES), "answer": 2, "subject": "anatomy"},
        {"question": "How many?", "choices": list(CHOICES), "answer": "five"},
        {
            "question": "How many?",
            "choices": {"text": list(CHOICES), "label": ["1", "2", "3", "4"]},
            "answerKey": "3",
        },
    ],
)
def test_published_forms_give_one_question(fields: dict[str, Any]) -> None:
    assert one(fields) == Choice("anatomy_test.csv:2", PROMPT, ("A", "B", "C", "D"), (2,), "anatomy")


def test_texts_are_weighed_themselves() -> None:
    fields = {"ctx": "She opens the", "endings": ["door", "sea"], "label": "0"}
    item = one(fields, Config(style="texts"))
    assert (item.prompt, item.choices, item.right) == ("She opens the", ("door", "sea"), (0,))
    item = one({"question": "How many?", "choices": ["3", "4"], "answer": 1}, Config(style="texts", first_number=1))
    assert (item.prompt, item.right) == ("Question: How many?\nAnswer:", (0,))


def test_a_wrong_choice_may_be_there_twice() -> None:
    assert one({"question": "How many?", "choices": ["three", "three", "five"], "answer": 2}).right == (2,)


def test_columns_can_have_any_name() -> None:
    fields = {"Frage": "Wie viele?", "x": "drei", "y": "vier", "richtig": "B"}
    item = one(fields, Config(question="Frage", choices=("x", "y"), answer="richtig"))
    assert item.right == (1,)


def test_files_without_a_heading_are_known() -> None:
    assert columns(["How many?", *CHOICES, "C"]) == ("question", "A", "B", "C", "D", "answer")
    assert columns(["question", "choice0", "choice1", "choice2", "choice3", "answer"]) is None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"answer": "7"}, "answer"),
        ({"answer": "How many?", "question": "five or six?"}, "answer"),  # two columns swapped
        ({"answer": None}, "answer"),
        ({"choices": ["one"]}, "choices"),
        ({"choices": ["same", "other", "same"]}, "choices"),
        ({"question": ""}, "question"),
    ],
)
def test_what_is_no_question_is_refused(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRowError) as raised:
        one({"question": "How many?", "choices": list(CHOICES), "answer": 2, **changed})
    assert raised.value.field == field
