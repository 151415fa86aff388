"""Each task of GLUE in the form it is published in."""

from __future__ import annotations

from typing import Any

import pytest

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.tasks.glue import Config, Name, columns, items


@pytest.mark.parametrize(
    ("name", "fields", "prompt", "answer"),
    [
        ("cola", {"label": "1", "sentence": "It works."}, "It works.\nQuestion: Does this sentence make sense?", "yes"),
        ("sst2", {"label": "0", "content": "dull ."}, "dull .\nQuestion: Is this sentence positive", "negative"),
        ("mrpc", {"Quality": "1", "#1 String": "A.", "#2 String": "B."}, "Sentence 1: A.\nSentence 2: B.\n", "yes"),
        ("qqp", {"is_duplicate": "0", "question1": "A?", "question2": "B?"}, "Question 1: A?\nQuestion 2: B?", "no"),
        ("mnli", {"gold_label": "neutral", "sentence1": "A.", "sentence2": "B"}, "A.\nQuestion: B. True,", "Neither"),
        ("qnli", {"label": "entailment", "question": "A?", "sentence": "B."}, "A?\nB.\nQuestion: Does", "yes"),
        ("rte", {"label": "not_entailment", "sentence1": "A.", "sentence2": "B."}, "A.\nQuestion: B. True", "False"),
        ("wnli", {"label": 1, "sentence1": "A.", "sentence2": "B."}, "A.\nQuestion: B. True or", "True"),
    ],
)
def test_a_row_as_published(name: Name, fields: dict[str, Any], prompt: str, answer: str) -> None:
    (item,) = items(Row("dev.tsv", 2, fields), Config(name))
    assert item.prompt.startswith(prompt)
    assert item.prompt.endswith("Answer:")
    assert item.answer == answer


def test_cola_has_no_heading() -> None:
    assert columns(["gj04", "1", "", "The sailors rode the breeze clear of the rocks."]) is not None
    assert columns(["label", "content"]) is None


def test_a_missing_column_is_named() -> None:
    with pytest.raises(BadRowError, match="sentence1: is missing; there are label, sentence"):
        list(items(Row("dev.tsv", 2, {"label": "1", "sentence": "A."}), Config("rte")))
