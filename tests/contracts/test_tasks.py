"""Every task, unlisted, names a version and refuses a row it cannot use by its field; every scorer gives 0 to 1."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ingot.core.config import literals, load, schema
from ingot.core.plugins import Plugin, names
from ingot.core.plugins import load as load_plugin
from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Asking

# What a task must be told that cannot have a default.
NEEDED: dict[str, dict[str, Any]] = {
    "classes": {"prompt": "{text}", "words": ["no", "yes"]},
    "glue": {"name": "cola"},
    "superglue": {"name": "boolq"},
}


@pytest.fixture(params=names("task"))
def task(request: pytest.FixtureRequest) -> Plugin:
    return load_plugin("task", request.param)


# What is right, for scorers that do not compare texts.
RIGHT = {"python_tests": ("x = 42", "\0\nassert x == 42\n"), "refusal": ("I cannot help with that.", "refused")}


@pytest.fixture(params=names("scorer"))
def scorer(request: pytest.FixtureRequest) -> Plugin:
    return load_plugin("scorer", request.param)


def test_a_task_has_a_version_and_a_way_to_be_asked(task: Plugin) -> None:
    assert isinstance(task.other("VERSION"), int)
    assert task.other("VERSION") >= 1
    asking = task.other("ASKING") or Asking()
    assert set(asking.scorers) <= set(names("scorer"))


def test_its_options_are_literals(task: Plugin) -> None:
    config = load(task.config_type, NEEDED.get(task.name, {}), task.name)
    assert load(task.config_type, literals(config), task.name) == config
    assert schema(task.config_type)["type"] == "object"


@pytest.mark.parametrize("fields", [{}, {"nothing": "of use"}, {"text": None, "question": 3, "answer": []}])
def test_a_row_of_something_else_is_named_by_its_field(task: Plugin, fields: dict[str, Any]) -> None:
    config = load(task.config_type, NEEDED.get(task.name, {}), task.name)
    with pytest.raises(BadRowError) as raised:
        list(task.entry(Row("exam.csv", 2, fields), config))
    assert raised.value.field
    assert raised.value.why


def test_a_scorer_gives_one_for_what_is_right_and_never_more(scorer: Plugin) -> None:
    config = scorer.config_type()
    assert dataclasses.is_dataclass(config)
    said, right = RIGHT.get(scorer.name, ("The answer is 42", "the answer is 42."))
    assert scorer.entry(said, (right,), config) == 1
    for said in ("", "something else", "41", "#### ", "�" * 1000):
        assert 0 <= scorer.entry(said, (right,), config) < 1
