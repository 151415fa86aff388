"""Recall, reciprocal rank and nDCG as their definitions have them, item by item."""

from __future__ import annotations

import math
import random

import pytest

from ingot.evaluate.ranking import ndcg, recall, reciprocal_rank


def by_hand(order: list[int], wanted: set[int], depth: int) -> tuple[float, float, float]:
    """The definitions, from an order of documents and the set of those that are right."""
    first = order[:depth]
    found = [document in wanted for document in first]
    dcg = sum((2**right - 1) / math.log2(place + 2) for place, right in enumerate(found))
    ideal = sorted([1] * len(wanted) + [0] * depth, reverse=True)[:depth]
    best = sum((2**right - 1) / math.log2(place + 2) for place, right in enumerate(ideal))
    return len(set(first) & wanted) / len(wanted), 1 / (found.index(True) + 1) if any(found) else 0, dcg / best


def test_they_are_those_of_the_definitions() -> None:
    drawn = random.Random(0)
    for _ in range(200):
        order = drawn.sample(range(20), drawn.randrange(1, 20))
        wanted = set(drawn.sample(range(20), drawn.randrange(1, 15)))
        gains = [int(document in wanted) for document in order[:10]]
        told = recall(gains, len(wanted)), reciprocal_rank(gains), ndcg(gains, len(wanted), 10)
        assert told == pytest.approx(by_hand(order, wanted, 10))


def test_a_short_list_is_not_perfect_because_it_is_short() -> None:
    assert ndcg([1], wanted=3, depth=10) < 1
    assert ndcg([], wanted=1, depth=10) == 0
