"""How much of a text stands in evaluation sets: words in 13-grams of their indexes, and which sets these are.

After Brown et al. (2020, appendix C), but nothing is cut out or dropped here: a rule may drop by the share. The indexes
are inputs of the step, made by `index_ngrams`; a common phrase of 13 words is found too, so look before you drop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.inputs import input_folder
from ingot.data.ngram_index import NgramIndex, load
from ingot.data.word_hashes import word_hashes


@dataclass(frozen=True)
class Config:
    """The names of the inputs that are n-gram indexes."""

    inputs: tuple[str, ...] = ("contamination",)


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return the share of words in n-grams of any index, and the names of the indexes that have some, joined by commas.

    Raises UsageError for an input that is not there.
    """
    indexes = {name: _load(input_folder(batch, name, "contamination")) for name in config.inputs}
    shares = np.zeros(len(batch))
    sets: list[str | None] = [None] * len(batch)
    for place, text in enumerate(batch.strings):
        words = word_hashes(text)
        covered = {name: index.covered(words) for name, index in indexes.items()}
        names = [name for name, is_covered in covered.items() if is_covered.any()]
        if names:
            shares[place] = np.logical_or.reduce(list(covered.values())).mean()
            sets[place] = ",".join(names)
    return [Annotation("contaminated_share", shares), Annotation("contaminated_by", sets)]


@lru_cache(maxsize=8)
def _load(folder: Path) -> NgramIndex:
    return load(folder)
