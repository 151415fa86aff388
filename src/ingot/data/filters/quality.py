"""How much a text is like the good ones: the score of a classifier trained on your labels or on a reference set.

The classifier comes from the step `train_classifier` as an input (see classifier_training, which also says how well it
does). Its score is between 0 and 1, one half is neither; a rule may drop the lowest by quantile.
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
from ingot.data.text_classifier import Classifier, load


@dataclass(frozen=True)
class Config:
    """The name of the input that is the classifier."""

    input: str = "quality"


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return the score of each text. Raises UsageError when there is no such input."""
    classifier = _load(input_folder(batch, config.input, "quality"))
    return [Annotation("quality", np.array([classifier.score(text) for text in batch.strings], np.float64))]


@lru_cache(maxsize=4)
def _load(folder: Path) -> Classifier:
    return load(folder)
