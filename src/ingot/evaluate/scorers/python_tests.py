"""1 when the code a model wrote passes the tests of its task, run in a confined process (evaluate/running).

What is right is a program with one place for the answer, marked by `HERE`: what stands before it, then the tests. An
answer in a fence of Markdown, as chat models write it, is the code within; where that code defines the function itself,
it stands alone before the tests. Pass@1 of greedy answers, as Chen et al. (2021) measure it at temperature 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingot.evaluate.running import SECONDS, failure_of

HERE = "\0"
KEEPS_SPACE = True  # the indentation an answer begins with is part of it
_FENCE = re.compile(r"```(?:[a-zA-Z]+)?\n(.*?)(?:```|\Z)", re.DOTALL)
_DEFINED = re.compile(r"^(?:async )?def (\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Config:
    """For how long the tests may take."""

    seconds: float = SECONDS


def score(said: str, right: Sequence[str], config: Config) -> float:
    """Return 1 or 0."""
    return float(any(failure_of(program(said, each), config.seconds) is None for each in right))


def program(said: str, right: str) -> str:
    """Return the answer in its place."""
    before, _, tests = right.partition(HERE)
    fence = _FENCE.search(said)
    code = fence[1] if fence else said
    wanted = _DEFINED.findall(before)
    is_whole = bool(wanted) and wanted[-1] in _DEFINED.findall(code)
    # Imports and helping functions that the prompt gives stay there: what is defined again is replaced.
    return f"{_without_last(before) if is_whole else before}{code}\n{tests}"


def _without_last(before: str) -> str:
    return before[: [found.start() for found in _DEFINED.finditer(before)][-1]]
