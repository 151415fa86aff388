"""How much of a text stands in lines that were there before: running heads, menus and stuck logs stand out.

After the duplicate-line statistic of Rae et al. (2021, table A1), by characters. Lines of up to three do not count:
closing brackets repeat in any code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.statistics.counts import Count


@dataclass(frozen=True)
class Config:
    """Settings of the repeated-lines filter: the least spread (a share of characters) that counts as one."""

    least_spread: float = 0.03


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return the share of characters in repeated lines of each text."""
    values = batch.statistics.share(Count.DUPLICATE_LONG_LINE_CHARACTERS, Count.LONG_LINE_CHARACTERS)
    return [Annotation("repeated_line_share", values, "repeated_lines", "high", config.least_spread)]
