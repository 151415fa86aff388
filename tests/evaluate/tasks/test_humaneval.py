"""A function as published: its own solution passes its tests, and nothing does not."""

from __future__ import annotations

from typing import Any

import pytest

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.scorers.python_tests import Config as Tried
from ingot.evaluate.scorers.python_tests import score
from ingot.evaluate.tasks.humaneval import Config, items

FIELDS: dict[str, Any] = {
    "task_id": "HumanEval/0",
    "prompt": "def twice(x):\n    '''Return two times x.'''\n",
    "entry_point": "twice",
    "canonical_solution": "    return 2 * x\n",
    "test": "\ndef check(candidate):\n    assert candidate(2) == 4\n    assert candidate('a') == 'aa'\n",
}


def test_the_published_solution_passes() -> None:
    (item,) = items(Row("HumanEval.jsonl", 1, FIELDS), Config())
    assert item.id == "HumanEval/0"
    assert score(item.answer, [item.check], Tried()) == 1.0
    assert score("    return x\n", [item.check], Tried()) == 0.0


def test_a_name_that_is_not_defined_is_refused() -> None:
    with pytest.raises(BadRowError, match="thrice"):
        list(items(Row("HumanEval.jsonl", 1, {**FIELDS, "entry_point": "thrice"}), Config()))
