"""How much of a text stands in lines that were there before: running heads, menus and stuck logs stand out.

After the duplicate-line statistic of Rae et al. (2021, table A1), by characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.data.annotations import Annotation

_LEAST_LINE = 4  # closing brackets repeat in any code


@dataclass(frozen=True)
class Config:
    """Settings of the repeated-lines filter: the least spread (a share of characters) that counts as one."""

    least_spread: float = 0.03


def annotate(texts: Sequence[str], config: Config) -> Annotation:
    """Return the share of characters in repeated lines of each text."""
    shares = np.array([_repeated_share(text) for text in texts], dtype=np.float64)
    return Annotation("repeated_line_share", "repeated_lines", "high", config.least_spread, shares)


def _repeated_share(text: str) -> float:
    lines = [line for line in map(str.strip, text.split("\n")) if len(line) >= _LEAST_LINE]
    total = sum(map(len, lines))
    return (total - sum(map(len, set(lines)))) / total if total else 0.0
