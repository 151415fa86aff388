"""The mean length of a text's lines: minified code, encoded blobs and tables without line ends stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.statistics.counts import Count


@dataclass(frozen=True)
class Config:
    """Settings of the line-length filter: the least spread, in characters, that counts as one."""

    least_spread: float = 40.0


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return the mean length of each text's lines in characters."""
    statistics = batch.statistics
    values = statistics.count(Count.CHARACTERS) / (statistics.count(Count.NEWLINES) + 1)
    return [Annotation("line_length", values, "very_long_lines", "high", config.least_spread)]
