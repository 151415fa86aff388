"""One point for the right number: the last one in the answer is the last one in the expected answer.

For sums, counts and results of word problems, where the way there may be written out and only the result counts.
Thousands may be set apart by commas.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ingot.core.errors import InputError, UsageError

_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")


@dataclass(frozen=True)
class Config:
    """How far from the expected number an answer may be."""

    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if not self.tolerance >= 0:
            raise UsageError(f"tolerance is {self.tolerance}", where="reward number", fix="choose 0, or a little more")


def reward(prompt: str, expected: str, answers: Sequence[str], config: Config) -> list[float]:
    """Return 1.0 for every answer with the right number and 0.0 for the others.

    Raises InputError when there is no number in the expected answer.
    """
    wanted = last_number(expected)
    if wanted is None:
        raise InputError(
            "there is no number in the expected answer",
            where=f"prompt {prompt!r}, answer {expected!r}",
            fix="write the number under `answer`, or choose another reward",
        )
    found = [last_number(answer) for answer in answers]
    return [float(one is not None and abs(one - wanted) <= Decimal(str(config.tolerance))) for one in found]


def last_number(text: str) -> Decimal | None:
    """Return the last number in a text, exactly as it is written; None when there is none.

    >>> last_number("12 and 30 make 1,042.5.")
    Decimal('1042.5')
    """
    found = _NUMBER.findall(text)
    return Decimal(found[-1].replace(",", "")) if found else None
