"""The mean length of a text's words: very short ones are letters torn apart by a bad extraction (`t h i s`).

In scripts written without spaces every letter counts as a word; the corpus's own median allows for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.data.annotations import Annotation
from ingot.data.characters import DIGIT, codes, kinds, word_starts


@dataclass(frozen=True)
class Config:
    """Settings of the word-length filter: the least relative spread that counts as one."""

    least_spread: float = 0.06


def annotate(texts: Sequence[str], config: Config) -> Annotation:
    """Return the mean word length of each text, 0 for one without words."""
    lengths = np.array([_mean_length(text) for text in texts], dtype=np.float64)
    return Annotation("word_length", "very_short_words", "low", config.least_spread, lengths)


def _mean_length(text: str) -> float:
    of = kinds(codes(text))
    words = np.count_nonzero(word_starts(of))
    return np.count_nonzero(of >= DIGIT) / words if words else 0.0
