"""The share of an answer's sentences that one of the given passages supports, by its words (evaluate/groundedness).

What is right are the passages. An answer that says nothing which could be looked for is not grounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.evaluate.groundedness import LEAST, grounded


@dataclass(frozen=True)
class Config:
    """The share of a sentence's words from which a passage supports it."""

    least: float = LEAST


def score(said: str, right: Sequence[str], config: Config) -> float:
    """Return the share, 0 to 1."""
    return grounded(said, right, config.least)
