"""A permutation without a table: one to one, far from the order, another for every key."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.data.permutation import key_of, mix, permute


def permuted(count: int, key: int) -> npt.NDArray[np.uint64]:
    places = np.arange(count, dtype=np.uint64)
    return permute(places, np.full_like(places, count), np.full_like(places, key))


@given(count=st.integers(1, 3000), key=st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_it_is_one(count: int, key: int) -> None:
    assert sorted(permuted(count, key).tolist()) == list(range(count))


@given(counts=st.lists(st.integers(1, 50), min_size=1, max_size=20))
@settings(deadline=None)
def test_several_at_once_are_each_their_own(counts: list[int]) -> None:
    places = np.concatenate([np.arange(count, dtype=np.uint64) for count in counts])
    sizes, keys = (np.repeat(np.array(each, dtype=np.uint64), counts) for each in (counts, range(len(counts))))
    together = permute(places, sizes, keys)
    apart = [permuted(count, number) for number, count in enumerate(counts)]
    assert together.tolist() == np.concatenate(apart).tolist()


def test_it_is_far_from_the_order_and_from_that_of_another_key() -> None:
    one, other = (permuted(10_000, key).astype(int) for key in (1, 2))
    for first, second in ((one, np.arange(10_000)), (one, other), (one[1:], one[:-1])):
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.05
    assert np.mean(one == other) < 0.002


def test_numbers_beyond_any_memory_are_fine() -> None:
    count = 10**15
    places = np.array([0, 1, 10**14, count - 1], dtype=np.uint64)
    reached = permute(places, np.full_like(places, count), np.full_like(places, 7))
    assert len(set(reached.tolist())) == 4
    assert (reached < count).all()


def test_keys_differ_by_seed_and_name() -> None:
    keys = [int(key_of(*told)[0]) for told in ((0, "a"), (1, "a"), (0, "b"), (0, "a", 0), (-1, "a"), (0, "a", "b"))]
    assert len(set(keys)) == len(keys)


def test_mixing_loses_nothing() -> None:
    numbers = np.arange(10_000, dtype=np.uint64)
    assert len(np.unique(mix(numbers))) == 10_000
