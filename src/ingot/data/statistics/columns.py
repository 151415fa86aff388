"""What one pass over texts gives: a column for every count, shares of them, hashes and sketches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingot.data.statistics.arrays import SHINGLE_WORDS
from ingot.data.statistics.counts import Count

Numbers = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Statistics:
    """Counts int64 [texts, Count], hashes uint64 [texts, 2] and signatures uint32 [texts, PLACES]."""

    counts: Integers
    hashes: Hashes
    signatures: npt.NDArray[np.uint32]

    @property
    def is_sketched(self) -> npt.NDArray[np.bool_]:
        """Return which texts have a shingle; the signatures of the others say nothing."""
        return self.counts[:, Count.SIMPLE_WORDS] >= SHINGLE_WORDS

    @property
    def content_hash(self) -> Hashes:
        """Return a hash of the bytes of every text."""
        return self.hashes[:, 0]

    @property
    def words_hash(self) -> Hashes:
        """Return a hash of the words of every text, equal where only case, signs and white space differ."""
        return self.hashes[:, 1]

    def count(self, count: Count) -> Integers:
        """Return one count of every text."""
        return self.counts[:, count]

    def share(self, part: Count, whole: Count) -> Numbers:
        """Return the quotient of two counts of every text, 0 where the whole is 0."""
        of = self.counts[:, whole]
        shares: Numbers = self.counts[:, part] / np.maximum(of, 1)
        return shares
