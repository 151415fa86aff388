"""How much of a text is digits: dumps of measurements and tables without words stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.statistics.counts import Count


@dataclass(frozen=True)
class Config:
    """Settings of the digits filter: the least spread (a share of characters) that counts as one."""

    least_spread: float = 0.02


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return the share of digits of each text."""
    values = batch.statistics.share(Count.DIGITS, Count.CHARACTERS)
    return [Annotation("digit_share", values, "mostly_digits", "high", config.least_spread)]
