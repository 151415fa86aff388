"""How much of a text is neither letters, digits nor white space: garbled extractions and binary remains stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.statistics.counts import Count


@dataclass(frozen=True)
class Config:
    """Settings of the symbols filter: the least spread (a share of characters) that counts as one."""

    least_spread: float = 0.02


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return the share of symbol characters of each text."""
    values = batch.statistics.share(Count.SYMBOLS, Count.CHARACTERS)
    return [Annotation("symbol_share", values, "mostly_symbols", "high", config.least_spread)]
