"""Which language a text is in, and how sure that is; code and tables of numbers have none.

py3langid (Barbaresi, after Lui and Baldwin, 2012) knows 139 languages and brings its model along: byte n-grams, found
by an automaton, weighed by naive Bayes. Here compiled code walks the automaton, which gives the same answer at a
third of the cost. Of a long text excerpts are read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from ingot.core.compiling import cached
from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.excerpts import excerpt

_NO_LANGUAGE = "zxx"

Integers = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Config:
    """How many characters of a text are read, and the least confidence for a language to be named."""

    characters: int = 1_000
    least_confidence: float = 0.3


class _Model(NamedTuple):
    """The automaton (state and byte to state, state to feature) and the weights [features, languages]."""

    following: npt.NDArray[np.uint32]
    rows: npt.NDArray[np.int64]
    feature: Integers
    weights: Scores
    prior: Scores


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return the ISO 639 code of each text's language, None where none is probable enough, and its probability."""
    found = [identify(excerpt(text, config.characters)) for text in batch.strings]
    languages = [
        language if confidence >= config.least_confidence and language != _NO_LANGUAGE else None
        for language, confidence in found
    ]
    return [
        Annotation("language", languages),
        Annotation("language_confidence", np.array([confidence for _, confidence in found], np.float64)),
    ]


def identify(text: str) -> tuple[str | None, float]:
    """Return the most probable language and its probability; None and 0 for a text without a known byte n-gram."""
    data = unicodedata.normalize("NFC", text.lower() if text.isupper() else text).encode("utf-8", "replace")
    model, languages, number, times = _known()
    scores = model.prior.copy()
    if not data or not _add_scores(np.frombuffer(data, np.uint8), model, times, np.empty(len(data), np.int32), scores):
        return None, 0.0
    # Divided by the root of the length, as py3langid does, so that long texts are not certain of everything.
    chances = np.exp((scores - scores.max()) / np.sqrt(len(data)))
    chances = np.bincount(number, chances) / chances.sum()
    best = int(chances.argmax())
    return languages[best], round(float(chances[best]), 4)


@cached
def _add_scores(data: npt.NDArray[np.uint8], model: _Model, times: Integers, met: Integers, scores: Scores) -> Any:
    """Add the weights of a text's features, each as often as log(1 + times); return how many different ones there are.

    `times` has a zero for every feature, before and after.
    """
    state = count = np.int64(0)
    for byte in data:
        state = np.int64(model.following[model.rows[state] + byte])
        found = model.feature[state]
        if found >= 0:
            if times[found] == 0:
                met[count] = found
                count += 1
            times[found] += 1
    for place in range(count):
        found = met[place]
        weight = np.float32(np.log1p(np.float32(times[found])))
        times[found] = 0
        for language in range(len(scores)):
            scores[language] += weight * model.weights[found, language]
    return count


@cache
def _known() -> tuple[_Model, Sequence[str], Sequence[int], Integers]:
    """Return the model (100 MB, in a second), its languages, the number of each, and room to count features in.

    A language in two scripts is there twice; both have the number of the first.
    """
    known = LanguageIdentifier.from_model_file(MODEL_FILE)
    model = _Model(
        np.frombuffer(known.tk_nextmove, np.uint32),
        np.array(known.tk_row, np.int64) << 8,
        np.array(known.tk_output, np.int32),
        known.nb_ptc.astype(np.float32),
        known.nb_pc.astype(np.float32),
    )
    number = [known.nb_classes.index(language) for language in known.nb_classes]
    return model, known.nb_classes, number, np.zeros(len(model.weights), np.int32)
