"""What is compiled gives what Python gives, with a cache, without one, and never from other sources."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import pytest

from ingot.core.compiling import cached, compiled, version
from ingot.data import word_hashes
from ingot.tokenizer import merging

FACTOR = 2
STEPS = np.array([1, 2, 3])
ROOT = Path(__file__).parents[2]


def times(number: int) -> int:
    return FACTOR * number


def double(number: int) -> int:
    # An element of a numpy array is Any to the type checker.
    return times(number) + STEPS[0] - 1 + len([each for each in (0,) if each in {1, 2}])  # type: ignore[no-any-return]


def made_new(function: Callable[..., Any], **names: object) -> FunctionType:
    """Return the function as it would be in another version of its file."""
    return FunctionType(function.__code__, {**function.__globals__, **names})


def test_without_a_folder_for_the_cache_it_works_too() -> None:
    code: CodeType = times.__code__.replace(co_filename="<nowhere>")
    assert cached(FunctionType(code, {"FACTOR": 2}))(21) == 42


def test_arrays_are_made_where_that_is_said() -> None:
    @compiled(allocates=True)
    def twice(numbers: Any) -> Any:
        return np.concatenate((numbers, numbers))

    @cached(allocates=True)
    def four_times(numbers: Any) -> Any:
        return twice(twice(numbers))

    assert four_times(STEPS).tolist() == [1, 2, 3] * 4


def test_the_same_sources_are_the_same_version_in_every_process() -> None:
    code = "from ingot.data import word_hashes; print(word_hashes._hash_words.__qualname__)"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.strip() == word_hashes._hash_words.__qualname__
    assert version(made_new(double)) == version(double)


@pytest.mark.parametrize(
    "changed",
    [
        made_new(double, times=made_new(times, FACTOR=3)),
        made_new(double, times=made_new(lambda number: number + number)),
        made_new(double, STEPS=np.array([1, 2, 4])),
        made_new(double, STEPS=STEPS.astype(np.int32)),
        FunctionType(double.__code__.replace(co_consts=(None, 2, 0)), double.__globals__),
    ],
    ids=["a number far away", "a function it calls", "a table", "the type of a table", "a number in it"],
)
def test_a_change_anywhere_makes_another_version(changed: FunctionType) -> None:
    assert version(changed) != version(double)


def test_a_function_counts_through_those_that_call_it() -> None:
    # numba's functions have it; its types leave it out.
    first, sink, pop = (each.py_func for each in (merging.comes_first, merging.sink, merging.pop))  # type: ignore[attr-defined]
    assert version(pop) == version(merging.pop)
    other = compiled(made_new(first, _HEAP_KEY=7))
    assert version(made_new(pop, sink=compiled(made_new(sink, comes_first=other)))) != version(pop)


def test_what_is_different_in_every_process_cannot_be_named() -> None:
    with pytest.raises(AssertionError, match="object"):
        version(made_new(times, FACTOR=object()))
