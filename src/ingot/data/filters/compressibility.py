"""How well a text compresses: one that says the same thing over and over shrinks to almost nothing."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch

_SAMPLE_CHARACTERS = 64 << 10
_FASTEST = 1


@dataclass(frozen=True)
class Config:
    """Settings of the compressibility filter: the least relative spread that counts as one."""

    least_spread: float = 0.1


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return compressed bytes per byte of each text's beginning."""
    ratios = np.array([_ratio(text[:_SAMPLE_CHARACTERS]) for text in batch.strings], dtype=np.float64)
    return [Annotation("compressed_share", ratios, "repetitive_text", "low", config.least_spread)]


def _ratio(text: str) -> float:
    payload = text.encode("utf-8", errors="replace")
    return len(zlib.compress(payload, _FASTEST)) / len(payload) if payload else 1.0
