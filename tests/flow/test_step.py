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


def test_a_step_that_many_need_comes_once_and_before_all_of_them() -> None:
    first = step("first")
    middle = [step(f"middle{number}", first) for number in range(3)]
    last = step("last", *middle)
    names = [one.name for one in in_order([last, first, *middle, last])]
    assert names == ["first", "middle0", "middle1", "middle2", "last"]


def test_many_ways_to_one_step_are_walked_once() -> None:
    """Thirty diamonds in a row have a billion paths."""
    end = step("start")
    for number in range(30):
        end = step(f"join{number}", step(f"left{number}", end), step(f"right{number}", end))
    assert len(in_order([end])) == 91


def test_a_step_that_needs_its_own_result_is_refused() -> None:
    inputs: dict[str, Step] = {}
    first = replace(step("first"), inputs=inputs)
    inputs["later"] = step("later", first)
    with pytest.raises(UsageError, match="step 'first' needs its own result"):
        in_order([first])
