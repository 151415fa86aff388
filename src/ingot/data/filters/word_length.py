"""The mean length of a text's words: very short ones are letters torn apart by a bad extraction (`t h i s`).

In scripts written without spaces every letter counts as a word; the corpus's own median allows for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.statistics.counts import Count


@dataclass(frozen=True)
class Config:
    """Settings of the word-length filter: the least relative spread that counts as one."""

    least_spread: float = 0.06


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return the mean word length of each text, 0 for one without words."""
    values = batch.statistics.share(Count.WORD_CHARACTERS, Count.SIMPLE_WORDS)
    return [Annotation("word_length", values, "very_short_words", "low", config.least_spread)]
