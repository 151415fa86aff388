"""A classifier of texts: hashed words and pairs of words, weighed by logistic regression.

The features are those of a bag of n-grams without a vocabulary (hashing trick; Weinberger et al., 2009; as linear
classifiers of quality have in Brown et al., 2020, appendix A): each word and each two words in a row count in one of
2^18 places, 1 + log of how often, the row scaled to length 1. Of a long text excerpts are read. A model is one
safetensors file of numbers, a megabyte, in which no word can be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ingot.core.errors import InputError
from ingot.data.excerpts import excerpt
from ingot.data.logistic import Integers, Numbers, probability
from ingot.data.word_hashes import ngram_hashes, word_hashes

MODEL_FILE = "classifier.safetensors"
PLACES = 1 << 18
COLUMNS = PLACES + 1  # the last is 1 in every row: what a text scores before a word is read
CHARACTERS = 8_000
_FORMAT = "1"
_CHECK = "Words must fall on the same places, wherever a model is used: ÄÖÜ, 你好."


@dataclass(frozen=True, eq=False)
class Classifier:
    """The weights of all places and of the constant, float32 [COLUMNS]."""

    weights: npt.NDArray[np.float32]

    def score(self, text: str) -> float:
        """Return a number between 0 and 1: how much a text is like the positive examples; one half is neither."""
        columns, values = features(text)
        return round(float(probability(np.asarray((self.weights[columns] * values).sum()))), 6)


def features(text: str) -> tuple[Integers, Numbers]:
    """Return the columns of a text, ascending, and the values in them."""
    words = word_hashes(excerpt(text, CHARACTERS))
    places = np.concatenate([words, ngram_hashes(words, 2)]) & np.uint64(PLACES - 1)
    columns, times = np.unique(places.astype(np.int64), return_counts=True)
    values = 1 + np.log(times)
    values /= max(float(np.sqrt(np.sum(values**2))), 1.0)
    return np.append(columns, PLACES), np.append(values, 1.0)


def save(classifier: Classifier, folder: Path) -> None:
    """Write the model file into a folder."""
    described = {"format": _FORMAT, "check": _check()}
    save_file({"weights": classifier.weights}, str(folder / MODEL_FILE), described)


def load(folder: Path) -> Classifier:
    """Read a model. Raises InputError when the folder holds none, or one that reads words in another way."""
    try:
        with safe_open(str(folder / MODEL_FILE), "numpy") as file:
            described, weights = file.metadata() or {}, file.get_tensor("weights")
    except (OSError, SafetensorError) as error:
        fix = "train one with the step train_classifier"
        raise InputError("this is not a text classifier", where=str(folder), why=str(error), fix=fix) from None
    if (described.get("format"), described.get("check"), weights.shape) != (_FORMAT, _check(), (COLUMNS,)):
        why = "another version of Ingot made it"
        raise InputError("this text classifier cannot be used", where=str(folder), why=why, fix="train it again")
    return Classifier(weights)


def _check() -> str:
    return str(int(features(_CHECK)[0].sum()))
