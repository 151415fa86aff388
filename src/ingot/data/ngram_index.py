"""N-gram indexes of evaluation sets, against which documents are checked for contamination.

After Brown et al. (2020, appendix C): texts in lower case without punctuation, all their 13-grams of words. An index
is a folder of two files: `ngrams.bin`, the sorted 64-bit hashes of the n-grams (little-endian), and `index.json`,
which says how many words one has, how many texts are in it, and how many were too short to have one. The texts are
not in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import write_atomically
from ingot.data.reference_texts import read_texts
from ingot.data.word_hashes import Hashes, ngram_hashes, word_hashes
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext

NGRAMS_FILE, INDEX_FILE = "ngrams.bin", "index.json"
FORMAT = 1
WORDS = 13
_LEAST_WORDS, _MOST_WORDS = 4, 64
_HELD = 1 << 22  # hashes gathered before they are sorted
_PLACES_PER_NGRAM = 16
_CHECK = "Ingot checks that two machines see the same words here, 13 of them or more, ÄÖÜ too."

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class IndexConfig:
    """How many words an n-gram has. Texts with fewer are not in the index: GPT-3's authors went down to 8 for those."""

    words: int = WORDS


@dataclass(frozen=True, eq=False)
class NgramIndex:
    """The sorted hashes of all n-grams of so many words."""

    words: int
    hashes: Hashes

    @cached_property
    def _first_bits(self) -> tuple[Booleans, np.uint64]:
        """Which values the first bits of a hash have: almost every n-gram is known to be absent by one look."""
        bits = min(26, max(10, (len(self.hashes) * _PLACES_PER_NGRAM).bit_length()))
        shift = np.uint64(64 - bits)
        is_there = np.zeros(1 << bits, np.bool_)
        is_there[self.hashes >> shift] = True
        return is_there, shift

    def covered(self, words: Hashes) -> Booleans:
        """Return which words of a text stand in an n-gram of the index."""
        ngrams = ngram_hashes(words, self.words)
        is_covered = np.zeros(len(words), np.bool_)
        if not len(ngrams) or not len(self.hashes):
            return is_covered
        is_there, shift = self._first_bits
        candidates = np.flatnonzero(is_there[ngrams >> shift])
        places = np.minimum(np.searchsorted(self.hashes, ngrams[candidates]), len(self.hashes) - 1)
        for first in candidates[self.hashes[places] == ngrams[candidates]].tolist():
            is_covered[first : first + self.words] = True
        return is_covered


def build(texts: Iterable[str], folder: Path, words: int = WORDS) -> dict[str, Any]:
    """Write the index of some texts into a folder and return its description.

    Raises UsageError for a length that makes no sense and InputError when no text is long enough.
    """
    if not _LEAST_WORDS <= words <= _MOST_WORDS:
        raise UsageError(
            f"an n-gram of {words} words is of no use", fix=f"take {_LEAST_WORDS} to {_MOST_WORDS}; 13 is usual"
        )
    hashes = np.empty(0, np.uint64)
    held: list[Hashes] = []
    count = too_short = waiting = 0
    for text in texts:
        ngrams = ngram_hashes(word_hashes(text), words)
        count, too_short, waiting = count + 1, too_short + (len(ngrams) == 0), waiting + len(ngrams)
        held.append(ngrams)
        if waiting >= _HELD:
            hashes, held, waiting = np.unique(np.concatenate([hashes, *held])), [], 0
    hashes = np.unique(np.concatenate([hashes, *held]))
    if not len(hashes):
        raise InputError(f"none of {count} texts has {words} words", fix="take n-grams of fewer words, or longer texts")
    described = {"format": FORMAT, "words": words, "ngrams": len(hashes), "texts": count, "too_short": too_short}
    write_atomically(folder / NGRAMS_FILE, hashes.astype("<u8").tobytes())
    write_atomically(folder / INDEX_FILE, json.dumps({**described, "check": _check()}, indent=1) + "\n")
    return described


def load(folder: Path) -> NgramIndex:
    """Read an index. Raises InputError when the folder holds none, or one whose words are hashed in another way."""
    try:
        described: Mapping[str, Any] = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
        hashes = np.fromfile(folder / NGRAMS_FILE, "<u8").astype(np.uint64, copy=False)
        is_whole = len(hashes) == described["ngrams"]
        is_ours = described["format"] == FORMAT and described["check"] == _check()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "this is not an n-gram index", where=str(folder), why=str(error), fix="build one with the step index_ngrams"
        ) from None
    if not is_whole or not is_ours:
        why = "another version of Ingot made it" if is_whole else "its file of n-grams is not whole"
        raise InputError("this n-gram index cannot be used", where=str(folder), why=why, fix="build it again")
    return NgramIndex(int(described["words"]), hashes)


def index_ngrams(config: IndexConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Index the texts of all inputs."""
    texts = (text for artifact in inputs.values() for _, text in read_texts(artifact.path))
    return build(texts, context.folder, config.words)


def _check() -> str:
    """Return what changes when words are found or hashed in another way."""
    return f"{int(ngram_hashes(word_hashes(_CHECK), 8).sum()):016x}"
