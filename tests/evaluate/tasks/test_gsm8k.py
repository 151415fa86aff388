"""A word problem as published: its working is shown in examples, its number is what counts."""

from __future__ import annotations

import pytest

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.tasks.gsm8k import Config, items


def test_a_row_as_published() -> None:
    row = Row("test.jsonl", 1, {"question": "How many?", "answer": "16 - 7 = <<16-7=9>>9 eggs.\n#### 9"})
    (item,) = items(row, Config())
    assert item.prompt == "Question: How many?\nAnswer:"
    assert item.answer.endswith("#### 9")


def test_an_answer_without_its_number_is_refused() -> None:
    with pytest.raises(BadRowError, match="####"):
        list(items(Row("test.jsonl", 1, {"question": "How many?", "answer": "nine"}), Config()))
