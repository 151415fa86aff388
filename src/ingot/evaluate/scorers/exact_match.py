"""1 when the answer is one of the right ones, in lower case without articles, punctuation and spare spaces (SQuAD)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.evaluate.words import plain


@dataclass(frozen=True)
class Config:
    """Nothing to set."""


def score(said: str, right: Sequence[str], config: Config) -> float:
    """Return 1 or 0."""
    return float(plain(said) in {plain(each) for each in right})
