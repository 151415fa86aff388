"""How much of a text is digits: dumps of measurements and tables without words stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.data.annotations import Annotation
from ingot.data.characters import DIGIT, codes, kinds


@dataclass(frozen=True)
class Config:
    """Settings of the digits filter: the least spread (a share of characters) that counts as one."""

    least_spread: float = 0.02


def annotate(texts: Sequence[str], config: Config) -> Annotation:
    """Return the share of digits of each text."""
    shares = [np.count_nonzero(kinds(codes(text)) == DIGIT) / max(1, len(text)) for text in texts]
    return Annotation("digit_share", "mostly_digits", "high", config.least_spread, np.array(shares, dtype=np.float64))
