"""Each task of SuperGLUE in the form it is published in."""

from __future__ import annotations

from typing import Any

import pytest

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Choice
from ingot.evaluate.tasks.superglue import Config, Name, items


def read(name: Name, fields: dict[str, Any]) -> list[Choice]:
    return list(items(Row("val.jsonl", 1, fields), Config(name)))


@pytest.mark.parametrize(
    ("name", "fields", "prompt", "answer"),
    [
        ("boolq", {"passage": "P.", "question": "is it", "label": True}, "P.\nQuestion: is it?\nAnswer:", "yes"),
        (
            "cb",
            {"premise": "P.", "hypothesis": "h", "label": "contradiction"},
            "P.\nQuestion: h. True, False, or Neither?\nAnswer:",
            "False",
        ),
        (
            "rte",
            {"premise": "P.", "hypothesis": "h.", "label": "not_entailment"},
            "P.\nQuestion: h. True or False?\nAnswer:",
            "False",
        ),
        (
            "copa",
            {"premise": "It fell.", "choice1": "I let go.", "choice2": "It sang.", "question": "cause", "label": 0},
            "It fell because",
            "i let go.",
        ),
        (
            "wic",
            {"sentence1": "I feel it.", "sentence2": "To feel.", "start1": 2, "end1": 6, "label": False},
            "Sentence 1: I feel it.\nSentence 2: To feel.\n"
            "Question: Is the word 'feel' used in the same way in the two sentences above?\nAnswer:",
            "no",
        ),
        (
            "wsc",
            {
                "text": "Ann said she came.",
                "target": {"span1_text": "Ann", "span2_text": "she", "span1_index": 0, "span2_index": 2},
                "label": True,
            },
            "Passage: Ann said *she* came.\n"
            'Question: In the passage above, does the pronoun "*she*" refer to "*Ann*"?\nAnswer:',
            "yes",
        ),
    ],
)
def test_a_row_as_published(name: Name, fields: dict[str, Any], prompt: str, answer: str) -> None:
    (item,) = read(name, fields)
    assert (item.prompt, item.answer) == (prompt, answer)


def test_multirc_asks_for_every_answer() -> None:
    answers = [{"text": "Susan", "label": 1}, {"text": "Joey", "label": 0}]
    row = {"passage": {"text": "P.", "questions": [{"question": "Who?", "answers": answers}]}}
    first, second = read("multirc", row)
    assert first.prompt == "P.\nQuestion: Who?\nAnswer:"
    assert first.answer == "Susan\nIs the answer correct? yes"
    assert second.answer == "Joey\nIs the answer correct? no"
    assert first.id != second.id
    flat = {"paragraph": "P.", "question": "Who?", "answer": "Susan", "label": 1}
    assert read("multirc", flat)[0].choices == first.choices


def test_record_puts_every_entity_in_the_blank() -> None:
    text = "Ann met Bob.\n@highlight\nThey talked."
    row = {
        "passage": {"text": text, "entities": [{"start": 0, "end": 2}, {"start": 8, "end": 10}]},
        "qas": [{"query": "It was @placeholder who left.", "answers": [{"text": "Bob"}]}],
    }
    (item,) = read("record", row)
    assert item.choices == ("Ann who left.", "Bob who left.")
    assert item.answer == "Bob who left."
    assert item.prompt == "Ann met Bob.\nThey talked.\nIt was"
    row["qas"] = [{"query": "It was @placeholder.", "answers": [{"text": "Carl"}]}]
    with pytest.raises(BadRowError, match="no entities"):
        read("record", row)


@pytest.mark.parametrize(
    ("name", "fields", "field"),
    [
        ("copa", {"premise": "P.", "choice1": "a", "choice2": "b", "question": "why", "label": 0}, "question"),
        ("wic", {"sentence1": "a", "sentence2": "b", "start1": "x", "end1": 1, "label": True}, "start1"),
        ("multirc", {"passage": {"text": "P.", "questions": []}}, "questions"),
        ("boolq", {"passage": "P.", "question": "q"}, "label"),
    ],
)
def test_a_row_that_is_none_is_named(name: Name, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRowError) as raised:
        read(name, fields)
    assert raised.value.field == field
