"""A choice between the same words for every row, asked as its user writes it."""

from __future__ import annotations

import pytest

from ingot.core.errors import UsageError
from ingot.evaluate.rows import Row
from ingot.evaluate.tasks.classes import Config, items


def test_a_row_of_pubmedqa() -> None:
    row = Row("ori_pqal.json", 1, {"QUESTION": "Does it?", "CONTEXTS": ["One.", "Two."], "final_decision": "maybe"})
    config = Config("{CONTEXTS}\nQuestion: {QUESTION}\nAnswer:", ("yes", "no", "maybe"), "final_decision")
    (item,) = items(row, config)
    assert item.prompt == "One.\nTwo.\nQuestion: Does it?\nAnswer:"
    assert item.right == (2,)


def test_labels_can_have_names_of_their_own() -> None:
    config = Config("{text}", ("bad", "good"), labels=("-", "+"), group="shop")
    (item,) = items(Row("a.csv", 2, {"text": "Fine.", "label": "+", "shop": "north"}), config)
    assert (item.answer, item.group) == ("good", "north")


def test_one_word_is_no_choice() -> None:
    with pytest.raises(UsageError, match="no choice"):
        Config("{text}", ("yes",))
    with pytest.raises(UsageError, match="no choice"):
        Config("{text}", ("yes", "no"), labels=("1",))
