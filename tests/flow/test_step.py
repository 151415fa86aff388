from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.core.errors import UsageError
from ingot.flow.step import Step, in_order
from tests.flow.steps_for_tests import CountConfig


def step(name: str, *parents: Step) -> Step:
    return Step(name, f"x-{name}", "Dataset", "a:b", CountConfig(), inputs={parent.name: parent for parent in parents})


def test_parents_come_first_and_once() -> None:
    a = step("a")
    b, c = step("b", a), step("c", a)
    d = replace(step("d", b, c), fields={"start": a.field("last")})
    assert [one.name for one in in_order([d])] == ["a", "b", "c", "d"]


def test_two_steps_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two steps are named 'a'"):
        in_order([step("b", step("a")), step("a")])
