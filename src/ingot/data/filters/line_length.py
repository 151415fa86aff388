"""The mean length of a text's lines: minified code, encoded blobs and tables without line ends stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.data.annotations import Annotation


@dataclass(frozen=True)
class Config:
    """Settings of the line-length filter: the least spread, in characters, that counts as one."""

    least_spread: float = 40.0


def annotate(texts: Sequence[str], config: Config) -> Annotation:
    """Return the mean length of each text's lines in characters."""
    lengths = np.array([len(text) / (text.count("\n") + 1) for text in texts], dtype=np.float64)
    return Annotation("line_length", "very_long_lines", "high", config.least_spread, lengths)
