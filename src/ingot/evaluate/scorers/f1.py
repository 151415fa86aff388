"""How many words an answer shares with the nearest right one: the harmonic mean of precision and recall (SQuAD)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingot.evaluate.words import plain


@dataclass(frozen=True)
class Config:
    """Nothing to set."""


def score(said: str, right: Sequence[str], config: Config) -> float:
    """Return the best F1 over the right answers; Rajpurkar et al. 2016, section 6.1."""
    return max(_f1(plain(said).split(), plain(each).split()) for each in right)


def _f1(said: Sequence[str], right: Sequence[str]) -> float:
    if not said or not right:
        return float(said == right)
    shared = sum((Counter(said) & Counter(right)).values())
    return 2 * shared / (len(said) + len(right))
