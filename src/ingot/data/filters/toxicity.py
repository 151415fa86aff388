"""How much abuse a text holds: words of your own list, and the score of a classifier trained on your labels.

Neither is a judgement. A list finds what is on it, in a report about abuse as well as in abuse, and misses what is said
without those words; a classifier is as good as its labels (its facts hold the figure). So no list is built in. Both
describe, and a person looks at examples before a rule drops anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ingot.core.errors import UsageError
from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.inputs import input_folder
from ingot.data.text_classifier import Classifier, load
from ingot.data.word_hashes import Hashes, ngram_hashes, word_hashes


@dataclass(frozen=True)
class Config:
    """Words and phrases to count, whatever their case, and the name of the input that is a classifier, if any."""

    words: tuple[str, ...] = ()
    input: str = ""


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return listed words and phrases in every thousand words, and the classifier's score.

    Raises UsageError when there is neither a list nor a classifier.
    """
    if not (config.words or config.input):
        raise UsageError(
            "the filter toxicity has nothing to judge by",
            why="no list of words is built in",
            fix="set its option words, or input to the name of a classifier made by train_classifier",
        )
    found = []
    if config.words:
        phrases = _phrases(config.words)
        shares = [_listed_share(word_hashes(text), phrases) for text in batch.strings]
        found.append(Annotation("toxic_words", 1000 * np.array(shares, np.float64)))
    if config.input:
        classifier = _load(input_folder(batch, config.input, "toxicity"))
        found.append(Annotation("toxicity", np.array([classifier.score(text) for text in batch.strings], np.float64)))
    return found


def _listed_share(words: Hashes, phrases: Sequence[tuple[int, Hashes]]) -> float:
    listed = sum(int(np.isin(ngram_hashes(words, length), known).sum()) for length, known in phrases)
    return listed / max(len(words), 1)


@lru_cache(maxsize=4)
def _phrases(entries: tuple[str, ...]) -> tuple[tuple[int, Hashes], ...]:
    """Return the hashes of the entries by their number of words."""
    by_length: dict[int, list[int]] = {}
    for words in map(word_hashes, entries):
        if len(words):
            by_length.setdefault(len(words), []).append(int(ngram_hashes(words, len(words))[0]))
    return tuple((length, np.array(sorted(set(known)), np.uint64)) for length, known in sorted(by_length.items()))


@lru_cache(maxsize=4)
def _load(folder: Path) -> Classifier:
    return load(folder)
