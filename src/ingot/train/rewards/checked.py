"""One point for an answer that passes a check: the expected text, a regular expression, or JSON.

exact   the answer is the expected text, blanks around both left aside
regex   the expected text is a regular expression in RE2's syntax, and the whole answer matches it
json    the answer is one JSON value; where an answer is expected, that value
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from ingot.core.errors import InputError, UsageError
from ingot.safety.patterns import Pattern

Kind = Literal["exact", "regex", "json"]


@dataclass(frozen=True)
class Config:
    """Which check an answer must pass."""

    kind: Kind = "exact"


def reward(prompt: str, expected: str, answers: Sequence[str], config: Config) -> list[float]:
    """Return 1.0 for every answer that passes and 0.0 for the others.

    Raises InputError when what is expected is no regular expression, or not JSON, where it should be.
    """
    try:
        check = _CHECKS[config.kind](expected.strip())
    except (ValueError, UsageError, RecursionError) as error:
        raise InputError(
            f"what is expected cannot be checked as {config.kind}",
            where=f"prompt {prompt!r}, answer {expected!r}",
            why=str(error),
            fix="mend the line of the file of prompts, or choose another kind of check",
        ) from error
    return [float(check(answer.strip())) for answer in answers]


def _exact(expected: str) -> Callable[[str], bool]:
    return lambda answer: answer == expected


def _regex(expected: str) -> Callable[[str], bool]:
    pattern = _compiled(expected)
    return pattern.occurs


def _json(expected: str) -> Callable[[str], bool]:
    wanted = _parsed(expected) if expected else None

    def is_it(answer: str) -> bool:
        try:
            found = _parsed(answer)
        except (ValueError, RecursionError):
            return False
        # Written with sorted keys, because for Python 1, 1.0 and true are equal.
        return not expected or json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)

    return is_it


_CHECKS: dict[Kind, Callable[[str], Callable[[str], bool]]] = {"exact": _exact, "regex": _regex, "json": _json}


@lru_cache
def _compiled(expected: str) -> Pattern:
    Pattern(expected)  # by itself, so that no bracket in it closes the one around it
    return Pattern(rf"\A(?s:{expected})\z")


def _parsed(text: str) -> Any:
    """Read JSON as its standard has it: without NaN and infinities."""

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)
