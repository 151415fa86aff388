"""Questions asked of an index.

    index = open_index(artifact.path)
    for passage in index.search("When does the lease end?", 5): print(passage.uri, passage.start, passage.text)

Every ranker puts the passages in an order; with one there is nothing more to do, of several the first hundred of each
are fused. With a reranker the first `reranked` are read again, and what it says is one more order among the others.
The same question gives the same answer, ties in the order of the documents.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ingot.core.errors import InputError, UsageError
from ingot.retrieve import bm25, terms
from ingot.retrieve.fusion import fused
from ingot.retrieve.rerank import Reranker
from ingot.retrieve.run import FORMAT, INDEX_FILE
from ingot.retrieve.store import DOCUMENTS_FILE, SPANS_FILE, TEXT_FILE, Stored
from ingot.retrieve.vectors import Vectors

RERANKED = 20
_CANDIDATES = 100  # of each ranker; the fusion of more changes nothing that is shown

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Passage:
    """A passage that was found: `start` and `end` are bytes of the document's text in UTF-8.

    `score` puts passages of one question in order and means nothing else; `scores` are those of each ranker: of `words`
    the sum of BM25, of `vectors` a cosine, of `reader` what the reranker said.
    """

    doc_id: str
    uri: str
    start: int
    end: int
    text: str
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ranked:
    number: int
    score: float
    scores: Mapping[str, float]


class Index:
    """An index, opened to be asked; nothing is read before the first question. For one thread at a time."""

    def __init__(self, folder: Path, told: Mapping[str, Any], reranker: Reranker | None, reranked: int) -> None:
        self.rankers = tuple(told["rankers"])
        self.passages = int(told["passages"])
        self.documents = int(told["documents"])
        self.stored = Stored(folder)
        self._words = bm25.read(folder / bm25.FOLDER)
        self._vectors = Vectors(folder) if "vectors" in self.rankers else None
        self._reranker, self._reranked = reranker, reranked

    def search(self, query: str, count: int = 10) -> list[Passage]:
        """Return the passages that fit a question best, best first; fewer where no more share a word with it.

        Raises UsageError for a count below 1.
        """
        return [self._passage(each) for each in self._ranked(query, count)]

    def search_documents(self, query: str, count: int = 10) -> list[Passage]:
        """Return the best passage of each of the documents that fit best (Dai and Callan 2019: MaxP)."""
        best: dict[int, _Ranked] = {}
        ranked = self._ranked(query, max(_CANDIDATES, count))
        documents = self.stored.spans["document"][[each.number for each in ranked]].tolist()
        for document, each in zip(documents, ranked, strict=True):
            best.setdefault(document, each)
        return [self._passage(each) for each in list(best.values())[:count]]

    def document_text(self, doc_id: str) -> str:
        """Return the passages of a document in order, a line each. Raises KeyError for one that is not there."""
        return self.stored.document_text(self.stored.numbers[doc_id])

    def close(self) -> None:
        """Free the model that makes vectors, if there is one."""
        if self._vectors is not None:
            self._vectors.close()

    def _ranked(self, query: str, count: int) -> list[_Ranked]:
        if count < 1:
            raise UsageError(f"{count} passages cannot be found", where="count", fix="ask for 1 or more")
        most = max(count, self._reranked if self._reranker else 0, _CANDIDATES if self._vectors else 0)
        scored = {"words": self._words.scores(query, self.passages)}
        orders = {"words": _first(scored["words"], most, above=0.0)}
        if self._vectors is not None:
            scored["vectors"] = self._vectors.scores(query)
            orders["vectors"] = _first(scored["vectors"], most)
        ranked = self._fused(orders, scored)
        if self._reranker is not None:
            ranked = self._read_again(query, ranked)
        return ranked[:count]

    def _fused(self, orders: Mapping[str, Sequence[int]], scored: Mapping[str, Floats]) -> list[_Ranked]:
        def told(number: int) -> dict[str, float]:
            return {name: float(scores[number]) for name, scores in scored.items()}

        if len(orders) == 1:
            [(name, order)] = orders.items()
            return [_Ranked(number, float(scored[name][number]), told(number)) for number in order]
        return [_Ranked(number, score, told(number)) for number, score in fused(list(orders.values()))]

    def _read_again(self, query: str, ranked: Sequence[_Ranked]) -> list[_Ranked]:
        """Fuse the order of the first with the one in which the reranker puts them; the others stay behind."""
        assert self._reranker is not None
        first, rest = ranked[: self._reranked], ranked[self._reranked :]
        said = self._reranker(query, [self.stored.text(each.number) for each in first])
        again = sorted(range(len(first)), key=lambda place: (-said[place], place))
        return [
            _Ranked(first[place].number, score, {**first[place].scores, "reader": float(said[place])})
            for place, score in fused([range(len(first)), again])
        ] + list(rest)

    def _passage(self, found: _Ranked) -> Passage:
        span = self.stored.spans[found.number]
        doc_id, uri = self.stored.known_by(int(span["document"]))
        text = self.stored.text(found.number)
        place = (int(span["start"]), int(span["end"]))
        return Passage(doc_id, uri, *place, text, found.score, found.scores)


def open_index(folder: Path, reranker: Reranker | None = None, reranked: int = RERANKED) -> Index:
    """Open the index in a folder. With a reranker the first `reranked` passages are put in order again.

    Raises InputError for a folder that holds none or not all of it, and for one whose words were found in another way.
    """
    try:
        told = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
        is_ours = told["format"] == FORMAT and told["check"] == terms.check()
        for name in (TEXT_FILE, SPANS_FILE, DOCUMENTS_FILE):
            (folder / name).stat()
        index = Index(folder, told, reranker, reranked)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "there is no index to search in this folder",
            where=str(folder),
            why=str(error),
            fix="make one with `ingot index`",
        ) from None
    if not is_ours:
        raise InputError(
            "this index cannot be searched",
            where=str(folder),
            why="another version of Ingot made it, which found other words in a text",
            fix="make it again with `ingot index`",
        )
    return index


def _first(scores: Floats, count: int, above: float | None = None) -> list[int]:
    """Return the numbers of the highest scores, best first; equal ones in the order of their numbers."""
    chosen = np.arange(len(scores)) if above is None else np.flatnonzero(scores > above)
    if len(chosen) > count:
        least = np.partition(scores[chosen], len(chosen) - count)[len(chosen) - count]
        chosen = chosen[scores[chosen] >= least]
    # Ties at the border are all there: a stable sort takes those with the lowest numbers.
    return [int(number) for number in chosen[np.argsort(-scores[chosen], kind="stable")][:count]]
