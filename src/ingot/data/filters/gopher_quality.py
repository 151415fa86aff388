"""The quality rules of Gopher: whether a text has enough words of a usual length and is no list, code or index.

Rae et al. (2021), "Scaling Language Models", appendix A1.1, with the thresholds published there, made for English web
pages; decisions are those of datatrove 0.10's GopherQualityFilter.
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
    """The published thresholds: words that are no symbols and their mean length, signs per word, lines, stop words."""

    least_words: int = 50
    most_words: int = 100_000
    least_word_length: float = 3.0
    most_word_length: float = 10.0
    most_hashes_per_word: float = 0.1
    most_ellipses_per_word: float = 0.1
    most_bullet_lines: float = 0.9
    most_ellipsis_lines: float = 0.3
    least_alphabetic_words: float = 0.8
    least_stop_words: int = 2


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return what the rules are about, whether each text passes, and the first rule that it breaks."""
    counted = batch.statistics
    columns = {
        "words": counted.count(Count.NON_SYMBOL_WORDS).astype(np.float64),
        "mean_word_length": counted.share(Count.NON_SYMBOL_CHARACTERS, Count.NON_SYMBOL_WORDS),
        "hashes_per_word": counted.share(Count.HASHES, Count.WORDS),
        "ellipses_per_word": counted.share(Count.ELLIPSES, Count.WORDS),
        "bullet_line_share": counted.share(Count.BULLET_LINES, Count.LINES),
        "ellipsis_line_share": counted.share(Count.ELLIPSIS_LINES, Count.LINES),
        "alphabetic_word_share": counted.share(Count.ALPHABETIC_WORDS, Count.WORDS),
        "stop_words": np.bitwise_count(counted.count(Count.STOP_WORDS)).astype(np.float64),
    }
    checks = [
        ("too_few_words", columns["words"] < config.least_words),
        ("too_many_words", columns["words"] > config.most_words),
        ("short_words", columns["mean_word_length"] < config.least_word_length),
        ("long_words", columns["mean_word_length"] > config.most_word_length),
        ("hashes", columns["hashes_per_word"] > config.most_hashes_per_word),
        ("ellipses", columns["ellipses_per_word"] > config.most_ellipses_per_word),
        ("bullet_lines", columns["bullet_line_share"] > config.most_bullet_lines),
        ("ellipsis_lines", columns["ellipsis_line_share"] > config.most_ellipsis_lines),
        ("few_alphabetic_words", columns["alphabetic_word_share"] < config.least_alphabetic_words),
        ("few_stop_words", columns["stop_words"] < config.least_stop_words),
    ]
    return [*(Annotation(name, values) for name, values in columns.items()), *decision("gopher_quality", checks)]
