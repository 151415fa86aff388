"""How much of a text is digits: dumps of measurements and tables without words stand out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.data.annotations import Annotation

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Config:
    """Settings of the digits filter: the least spread (a share of characters) that counts as one."""

    least_spread: float = 0.02


def annotate(texts: Sequence[str], config: Config) -> Annotation:
    """Return the share of digits of each text."""
    shares = [sum(map(len, _DIGITS.findall(text))) / max(1, len(text)) for text in texts]
    return Annotation("digit_share", "mostly_digits", "high", config.least_spread, np.array(shares, dtype=np.float64))
