"""How much of a text is neither letters, digits nor white space: garbled extractions and binary remains stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.data.annotations import Annotation
from ingot.data.characters import SYMBOL, codes, kinds


@dataclass(frozen=True)
class Config:
    """Settings of the symbols filter: the least spread (a share of characters) that counts as one."""

    least_spread: float = 0.02


def annotate(texts: Sequence[str], config: Config) -> Annotation:
    """Return the share of symbol characters of each text."""
    shares = [np.count_nonzero(kinds(codes(text)) == SYMBOL) / max(1, len(text)) for text in texts]
    return Annotation("symbol_share", "mostly_symbols", "high", config.least_spread, np.array(shares, dtype=np.float64))
