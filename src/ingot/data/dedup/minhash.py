"""Nearly the same text: MinHash signatures of word 5-shingles, grouped by locality-sensitive hashing, then verified.

Two signatures agree at a place with the probability of their shingle sets' Jaccard similarity J (Broder, 1997). 28
bands of 4 rows find a pair of J = 0.7 with probability 0.9995 and one of 0.5 with 0.83; every candidate is then
verified on all 112 places before two groups become one, because bands alone are right only about three times in four.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingot.data.similarity import groups, sketch


@dataclass(frozen=True)
class Config:
    """From which estimated Jaccard similarity on texts repeat each other, and the seed of the hash functions."""

    similarity: float = 0.7
    seed: int = 42


def duplicates(texts: Iterable[str], config: Config) -> npt.NDArray[np.int64]:
    """Return for every text the number of the first of its group; texts under five words are never near-duplicates."""
    return groups(sketch(texts, config.seed), config.similarity)
