"""How surprising a text is to a byte n-gram model of a reference set: 2 to the bits it needs for a byte.

After Wenzek et al. (2020), "CCNet", with bytes in place of words, so that a reference set of some megabytes is
enough, in any language. The model comes from the step `train_ngrams` as an input. Low is like the reference, 256 is
no better than no model; boilerplate and repetition are low too. Of a long text excerpts are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.excerpts import excerpt
from ingot.data.inputs import input_folder
from ingot.data.ngram_model import NgramModel, load


@dataclass(frozen=True)
class Config:
    """The name of the input that is the model, how many characters are read, the least spread that counts as one."""

    input: str = "reference"
    characters: int = 8_000
    least_spread: float = 0.5


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return the perplexity of each text, 1 for an empty one. Raises UsageError when there is no such input."""
    model = _load(input_folder(batch, config.input, "perplexity"))
    payloads = [excerpt(text, config.characters).encode("utf-8", "replace") for text in batch.strings]
    values = np.array([2 ** (model.bits(payload) / max(len(payload), 1)) for payload in payloads], np.float64)
    return [Annotation("perplexity", values, "unlike_reference", "high", config.least_spread)]


@lru_cache(maxsize=4)
def _load(folder: Path) -> NgramModel:
    return load(folder)
