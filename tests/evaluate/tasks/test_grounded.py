"""A question shows its passages, numbered, and they are what its answer is held against."""

from __future__ import annotations

import pytest

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.tasks.grounded import Config, items


def test_passages_are_shown_by_number() -> None:
    row = Row("exam.csv", 2, {"question": "When?", "passages": "In May. | On Monday."})
    [item] = items(row, Config())
    assert item.prompt == "[1] In May.\n[2] On Monday.\n\nQuestion: When?\nAnswer:"
    assert item.answers == ("In May.", "On Monday.")


def test_published_columns_are_options() -> None:
    row = Row("pubmedqa.json", 1, {"QUESTION": "Does it?", "CONTEXTS": ["It does.", "It did."]})
    [item] = items(row, Config(question="QUESTION", passages="CONTEXTS"))
    assert item.answers == ("It does.", "It did.")


def test_without_passages_it_is_a_fault() -> None:
    with pytest.raises(BadRowError, match="passages"):
        list(items(Row("exam.csv", 2, {"question": "When?", "passages": " | "}), Config()))
