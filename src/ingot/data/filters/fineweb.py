"""The rules of FineWeb: whether a text's lines end like sentences, are not short, and do not repeat.

Penedo et al. (2024), "The FineWeb Datasets", section 3.6, with the thresholds published there; decisions are those of
datatrove 0.10's FineWebQualityFilter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.data.annotations import Annotation, decision
from ingot.data.batch import TextBatch
from ingot.data.statistics.counts import Count


@dataclass(frozen=True)
class Config:
    """The published thresholds, as shares of lines or characters; a short line has up to 30 characters."""

    least_ended_lines: float = 0.12
    most_short_lines: float = 0.67
    most_duplicate_characters: float = 0.01
    most_newlines_per_word: float = 0.3


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return what the rules are about, whether each text passes, and the first rule that it breaks."""
    counted = batch.statistics
    characters = counted.count(Count.CHARACTERS) - counted.count(Count.NEWLINES)
    columns = {
        "ended_line_share": counted.share(Count.ENDED_LINES, Count.FILLED_LINES),
        "short_line_share": counted.share(Count.SHORT_LINES, Count.FILLED_LINES),
        "duplicate_character_share": counted.count(Count.DUPLICATE_LINE_CHARACTERS) / np.maximum(characters, 1),
        "newlines_per_word": counted.share(Count.NEWLINES, Count.WORDS),
    }
    checks = [
        ("empty", counted.count(Count.FILLED_LINES) == 0),
        ("few_ended_lines", columns["ended_line_share"] < config.least_ended_lines),
        ("short_lines", columns["short_line_share"] > config.most_short_lines),
        ("duplicate_lines", columns["duplicate_character_share"] > config.most_duplicate_characters),
        ("list", columns["newlines_per_word"] > config.most_newlines_per_word),
    ]
    return [*(Annotation(name, values) for name, values in columns.items()), *decision("fineweb", checks)]
