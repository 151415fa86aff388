"""The split holds out about the wished share, by groups, by contents alone."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.data.split import Config, Split, cut_in_two, split


def fingerprints(count: int) -> list[bytes]:
    return [hashlib.blake2b(str(number).encode(), digest_size=16).digest() for number in range(count)]


def chosen(groups: list[int], sizes: list[int], parents: list[str | None] | None = None) -> Split:
    arrays = np.array(groups, np.int64), np.array(sizes, np.int64)
    return split(arrays[0], parents or [None] * len(sizes), arrays[1], fingerprints(len(sizes)), Config())


def test_about_a_twentieth_of_the_bytes_is_held_out() -> None:
    sizes = [100 + number % 50 for number in range(1000)]
    found = chosen(list(range(1000)), sizes)
    share = np.array(sizes)[found.is_held_out].sum() / sum(sizes)
    assert 0.05 <= share <= 0.075


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 10_000)), min_size=2, max_size=40))
def test_groups_stay_together_and_both_sides_get_something(documents: list[tuple[int, int]]) -> None:
    names = [name for name, _ in documents]
    groups = [names.index(name) for name in names]
    found = chosen(groups, [size for _, size in documents])
    if len(set(groups)) == 1:
        assert found.cut is not None
        assert not found.is_held_out.any()
        return
    assert found.cut is None
    assert found.is_held_out.any()
    assert not found.is_held_out.all()
    sides = {group: {bool(found.is_held_out[i]) for i, each in enumerate(groups) if each == group} for group in groups}
    assert all(len(side) == 1 for side in sides.values())


def test_a_giant_is_not_held_out() -> None:
    for place in range(10):
        sizes = [10] * 10
        sizes[place] = 100_000
        assert not chosen(list(range(10)), sizes).is_held_out[place]


def test_the_pieces_of_a_file_stay_together() -> None:
    parents: list[str | None] = [f"file{number // 5}" for number in range(200)]
    found = chosen(list(range(200)), [100] * 200, parents).is_held_out.reshape(40, 5)
    assert set(found.sum(axis=1).tolist()) == {0, 5}


def test_the_pieces_of_the_only_file_do_not() -> None:
    found = chosen(list(range(100)), [100] * 100, ["file"] * 100)
    assert found.cut is None
    assert 5 <= found.is_held_out.sum() <= 8


def test_it_follows_the_contents_not_the_order() -> None:
    prints, order = fingerprints(300), np.random.Generator(np.random.PCG64(1)).permutation(300)
    sizes = np.full(300, 100, np.int64)
    groups = np.arange(300)
    plain = split(groups, [None] * 300, sizes, prints, Config()).is_held_out
    shuffled = split(groups, [None] * 300, sizes, [prints[number] for number in order], Config()).is_held_out
    assert {prints[i] for i in np.flatnonzero(plain)} == {prints[order[i]] for i in np.flatnonzero(shuffled)}


def test_most_of_the_choice_stays_when_documents_are_added() -> None:
    before = chosen(list(range(1000)), [100] * 1000).is_held_out
    after = chosen(list(range(1050)), [100] * 1050).is_held_out[:1000]
    assert (before & after).sum() >= 0.9 * before.sum()


def test_one_document_loses_its_end() -> None:
    assert chosen([0], [5000]).cut == 0
    assert chosen([0, 0, 0], [5, 500, 50]).cut == 1


@pytest.mark.parametrize("text", ["A sentence of some words. " * 200, "größer " * 500, "字" * 1000])
def test_a_cut_loses_nothing(text: str) -> None:
    beginning, end = cut_in_two(text)
    assert beginning + end == text
    assert 0.08 < len(end) / len(text) < 0.6
