"""The nearer an answer is to the expected text, the more it is worth: 1 for the same text, 0 for nothing in common.

A model that never meets a strict check learns nothing from it; here it learns from the better one of two wrong answers.
What is counted are the characters in common, in order (Ratcliff and Metzener, 1988, "Pattern matching: the gestalt
approach"). It can be had by texts that look right and are not: go on with a strict check when that is met at times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True)
class Config:
    """Nothing to set: blanks around a text do not count."""


def reward(prompt: str, expected: str, answers: Sequence[str], config: Config) -> list[float]:
    """Return how near every answer is to the expected one, from 0.0 to 1.0."""
    return [SequenceMatcher(None, answer.strip(), expected.strip(), False).ratio() for answer in answers]
