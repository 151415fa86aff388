"""Scores are BM25's as the papers write it, over as many passages as one likes, counted in as many parts."""

from __future__ import annotations

import math
from collections import Counter as Count
from pathlib import Path

import numpy as np
import pytest

from ingot.retrieve import bm25
from ingot.retrieve.terms import terms

TEXTS = [
    "the lease ends in may",
    "the landlord may end the lease when the tenant keeps bees",
    "rent rent rent",
    "?!",
    "bees, bees and bees: the hive of the tenant",
]
QUERIES = ["tenant bees", "the the lease", "rent", "nothing of the kind", "", "¿?"]


def by_hand(query: str, texts: list[str], k1: float, b: float) -> list[float]:
    """Lucene's variant (Kamphuis et al. 2020, table 1), term by term."""
    bags = [Count(terms(text.encode()).tolist()) for text in texts]
    mean = sum(bag.total() for bag in bags) / len(bags)
    scores = []
    for bag in bags:
        score = 0.0
        for term in terms(query.encode()).tolist():
            holding = sum(term in other for other in bags)
            if bag[term]:
                rare = math.log(1 + (len(bags) - holding + 0.5) / (holding + 0.5))
                score += rare * bag[term] / (bag[term] + k1 * (1 - b + b * bag.total() / mean))
        scores.append(score)
    return scores


def written(folder: Path, k1: float, b: float) -> bm25.Words:
    counter = bm25.Counter()
    for text in TEXTS:
        counter.add(text.encode())
    counter.write(folder, k1, b)
    return bm25.read(folder)


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.9, 0.4), (0.0, 0.0), (2.0, 1.0)])
def test_scores_are_those_of_the_formula(tmp_path: Path, k1: float, b: float) -> None:
    words = written(tmp_path, k1, b)
    for query in QUERIES:
        assert words.scores(query, len(TEXTS)) == pytest.approx(by_hand(query, TEXTS, k1, b), rel=1e-5)


def test_counting_in_parts_gives_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "whole", 1.2, 0.75)
    monkeypatch.setattr(bm25, "_AT_ONCE", 5)
    written(tmp_path / "parts", 1.2, 0.75)
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert len(names) == 4
    for name in names:
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_passages_of_signs_alone_have_no_terms(tmp_path: Path) -> None:
    counter = bm25.Counter()
    counter.add(b"?!")
    assert counter.write(tmp_path, 1.2, 0.75) == 0
    assert np.array_equal(bm25.read(tmp_path).scores("anything", 1), [0.0])
