"""The rules of C4: whether enough sentences are left of a text when lines that are no prose are left out.

Raffel et al. (2020), "Exploring the Limits of Transfer Learning", section 2.2, with the thresholds published there and
without the list of bad words; decisions are those of datatrove 0.10's C4QualityFilter. What counts as a line of prose
(three words or more, none over 1,000 characters, a sign at the end, no JavaScript, no cookies) is not for a recipe to
change: it is part of what is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.data.annotations import Annotation, decision
from ingot.data.batch import TextBatch
from ingot.data.statistics.counts import Count, Refusal


@dataclass(frozen=True)
class Config:
    """The published threshold: sentences in lines of prose."""

    least_sentences: int = 5


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return the lines of prose and their sentences, whether each text passes, and the first rule that it breaks."""
    counted = batch.statistics
    lines = counted.count(Count.C4_LINES).astype(np.float64)
    sentences = counted.count(Count.C4_SENTENCES).astype(np.float64)
    refusal = counted.count(Count.C4_REFUSAL)
    checks = [
        ("lorem_ipsum", refusal == Refusal.LOREM_IPSUM),
        ("curly_bracket", refusal == Refusal.CURLY_BRACKET),
        ("too_few_sentences", sentences < config.least_sentences),
    ]
    return [Annotation("prose_lines", lines), Annotation("prose_sentences", sentences), *decision("c4", checks)]
