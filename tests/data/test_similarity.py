"""Groups are what a slow, obvious comparison of every pair would find."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ingot.data import similarity
from ingot.data.batch import of_texts
from ingot.data.similarity import Sketches, groups, sketches_of
from ingot.data.statistics.arrays import PLACES

VOCABULARY = [f"word{number}" for number in range(5000)]


def sketch(texts: list[str]) -> Sketches:
    """Return the sketches of texts."""
    return sketches_of([of_texts(texts).statistics])


def words(seed: int, count: int = 400) -> list[str]:
    return random.Random(seed).choices(VOCABULARY, k=count)


def with_replaced(text: list[str], share: float, seed: int) -> list[str]:
    generator = random.Random(seed)
    return [generator.choice(VOCABULARY) if generator.random() < share else word for word in text]


def planted(seed: int) -> list[str]:
    """Make texts of which some repeat earlier ones, from exactly to hardly."""
    generator = random.Random(seed)
    texts = [words(seed * 1000 + number, 200) for number in range(40)]
    texts += [with_replaced(generator.choice(texts), share, 9) for share in (0, 0.005, 0.01, 0.03, 0.05, 0.2) * 10]
    generator.shuffle(texts)
    return [" ".join(text) for text in texts] + ["short text", "short text"]


def slow_groups(texts: list[str], least: float) -> list[int]:
    """Compare every pair of signatures and follow the links: the definition."""
    sketches = sketch(texts)
    firsts = list(range(len(texts)))
    for right in range(len(texts)):
        for left in range(right):
            agreement = (sketches.signatures[left] == sketches.signatures[right]).mean()
            if sketches.is_sketched[left] and sketches.is_sketched[right] and agreement >= least:
                old, new = sorted((firsts[left], firsts[right]), reverse=True)
                firsts = [new if first == old else first for first in firsts]
    return firsts


@pytest.mark.parametrize("least", [0.9, 0.8, 0.7])
@pytest.mark.parametrize("seed", [1, 2])
def test_groups_are_those_of_comparing_every_pair(least: float, seed: int) -> None:
    texts = planted(seed)
    assert groups(sketch(texts), least).tolist() == slow_groups(texts, least)


@pytest.mark.parametrize("seed", [1, 2])
def test_at_a_loose_threshold_no_close_pair_is_parted_and_no_stranger_let_in(seed: int) -> None:
    texts = planted(seed)
    loose = groups(sketch(texts), 0.5)
    close, all_pairs = slow_groups(texts, 0.65), slow_groups(texts, 0.5)
    assert all(loose[number] == loose[first] for number, first in enumerate(close))
    assert all(all_pairs[number] == all_pairs[first] for number, first in enumerate(loose.tolist()))


def test_large_groups_are_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    base = words(5)
    texts = [" ".join(with_replaced(base, 0.004, number)) for number in range(60)]
    expected = groups(sketch(texts), 0.7).tolist()
    assert len(set(expected)) < 10
    monkeypatch.setattr(similarity, "_SMALL_GROUP", 4)
    monkeypatch.setattr(similarity, "_PAIRS_AT_ONCE", 10)
    assert groups(sketch(texts), 0.7).tolist() == expected


def test_batches_do_not_matter() -> None:
    texts = planted(3)
    whole = sketch(texts)
    parts = sketches_of([of_texts(texts[:7]).statistics, of_texts(texts[7:]).statistics])
    assert (whole.signatures == parts.signatures).all()
    assert (whole.is_sketched == parts.is_sketched).all()
    assert whole.signatures.shape == (len(texts), PLACES)
    assert sketches_of([]).signatures.shape == (0, PLACES)


def test_a_chain_of_small_changes_is_one_group() -> None:
    chain = [words(1, 300)]
    for number in range(30):
        chain.append(with_replaced(chain[-1], 0.01, number))
    order = random.Random(1).sample(range(len(chain)), len(chain))
    texts = [" ".join(chain[number]) for number in order]
    assert groups(sketch(texts), 0.8).tolist() == [0] * len(texts)


def test_some_texts_can_be_taken() -> None:
    texts = planted(4)
    whole, some = sketch(texts), np.array([5, 3, 8])
    assert (whole.take(some).signatures == whole.signatures[some]).all()
    assert len(groups(whole.take(np.empty(0, np.int64)), 0.7)) == 0
