"""Nearly the same text: MinHash signatures of word 5-shingles, grouped by locality-sensitive hashing, then verified.

Bands alone are right only about three times in four, so every candidate is verified on all 112 places before two
groups become one (see similarity).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingot.data.batch import TextBatch
from ingot.data.similarity import groups, sketches_of


@dataclass(frozen=True)
class Config:
    """From which estimated Jaccard similarity on texts repeat each other."""

    similarity: float = 0.7


def duplicates(batches: Iterable[TextBatch], config: Config) -> npt.NDArray[np.int64]:
    """Return for every text the number of the first of its group; texts under five words are never near-duplicates."""
    return groups(sketches_of([batch.statistics for batch in batches]), config.similarity)
