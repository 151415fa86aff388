"""How much of a text was broken by a wrong encoding: replacement characters, and UTF-8 once read as Windows-1252."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.statistics.counts import Count


@dataclass(frozen=True)
class Config:
    """Settings of the broken-encoding filter: the least spread (breaks per character) that counts as one."""

    least_spread: float = 0.0002


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return the breaks per character of each text."""
    values = batch.statistics.share(Count.BROKEN, Count.CHARACTERS)
    return [Annotation("broken_share", values, "broken_encoding", "high", config.least_spread)]
