"""Which items of a task stand in what a model was trained on, by n-grams of words (Brown et al. 2020, appendix C).

An item is its question and right answer, as in the task's index; the share of its n-grams that occur anywhere in the
training documents says how much of it was seen. What a model was trained on is known when it was made here: the
datasets behind it. Of other models nothing can be said, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingot.core.tables import parts, read_batches
from ingot.data.ngram_index import INDEX_FILE, NgramIndex, load
from ingot.data.reference_texts import files_of
from ingot.data.word_hashes import Hashes, ngram_hashes, word_hashes
from ingot.evaluate.task import Item, own_text

# An item counts as seen from this share of its n-grams on: a phrase that many texts share is no leak.
SEEN_SHARE = 0.5


@dataclass(frozen=True)
class Contamination:
    """How much of each item was seen: None for items too short to tell, and for all when the data is not known."""

    is_known: bool
    words: int
    documents: int
    shares: tuple[float | None, ...]

    @property
    def is_seen(self) -> tuple[bool | None, ...]:
        """Which items were seen; None where that cannot be told."""
        return tuple(None if share is None else share >= SEEN_SHARE for share in self.shares)


def find(task: Path, items: Sequence[Item], datasets: Sequence[Path]) -> Contamination:
    """Look for the items of a task in the training documents of datasets."""
    nothing = (None,) * len(items)
    if not datasets or not (task / INDEX_FILE).is_file():
        return Contamination(bool(datasets), 0, 0, nothing)
    index = load(task)
    is_found = np.zeros(len(index.hashes), np.bool_)
    documents = 0
    for text in _training_texts(datasets):
        documents += 1
        words = word_hashes(text)
        if index.covered(words).any():
            is_found[_places(index, ngram_hashes(words, index.words))] = True
    return Contamination(True, index.words, documents, tuple(_share(own, index, is_found) for own in items))


def _training_texts(datasets: Sequence[Path]) -> Iterable[str]:
    for dataset in datasets:
        for batch in read_batches(parts(dataset, "train") or files_of(dataset), ("text",)):
            yield from batch.column(0).to_pylist()


def _places(index: NgramIndex, ngrams: Hashes) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return where those n-grams stand in the index that are in it."""
    places = np.minimum(np.searchsorted(index.hashes, ngrams), len(index.hashes) - 1)
    found: np.ndarray[tuple[int], np.dtype[np.intp]] = places[index.hashes[places] == ngrams]
    return found


def _share(item: Item, index: NgramIndex, is_found: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float | None:
    ngrams = ngram_hashes(word_hashes(own_text(item)), index.words)
    return round(float(is_found[_places(index, ngrams)].mean()), 4) if len(ngrams) else None
