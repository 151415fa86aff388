"""Batches: every window once an epoch, the same for everybody, and no document that sees another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.errors import InputError
from ingot.data.shards import Shards
from ingot.data.stream import IGNORED, Stream, permute


def split(lengths: list[int]) -> Shards:
    """Return a split whose tokens are their own positions, so that a batch shows what was read."""
    starts = np.cumsum([0, *lengths])
    return Shards(np.arange(starts[-1], dtype=np.uint32), starts[:-1].astype(np.int64), Path("unused"))


LENGTHS = [7, 1, 30, 2, 2, 64, 5, 19, 3]  # 133 tokens: 13 windows of 10 and 2 tokens that fill none


@given(count=st.integers(1, 3000), key=st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_the_permutation_is_one(count: int, key: int) -> None:
    places = np.arange(count, dtype=np.uint64)
    reached = permute(places, count, np.full(count, key, dtype=np.uint64))
    assert sorted(reached.tolist()) == list(range(count))


def test_the_permutation_is_far_from_the_order_and_from_that_of_another_key() -> None:
    places = np.arange(10_000, dtype=np.uint64)
    one, other = (permute(places, 10_000, np.full(10_000, key, dtype=np.uint64)).astype(int) for key in (1, 2))
    for first, second in ((one, places.astype(int)), (one, other), (one[1:], one[:-1])):
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.05
    assert np.mean(one == other) < 0.002


@pytest.mark.parametrize("batch_size", [1, 3, 13, 40])
def test_each_epoch_reads_every_window_once(batch_size: int) -> None:
    stream = Stream(split(LENGTHS), batch_size, 10, seed=5)
    assert stream.windows == 13
    steps = -(-13 * 4 // batch_size)
    firsts = np.concatenate([stream.batch(step).tokens[:, 0] for step in range(steps)])[: 13 * 4].reshape(4, 13)
    orders = [(epoch // 10).tolist() for epoch in firsts]
    for epoch, order in zip(firsts, orders, strict=True):
        assert sorted(order) == list(range(13))
        assert len(set((epoch % 10).tolist())) == 1  # one offset for the whole epoch
        assert set((epoch % 10).tolist()) <= {0, 1, 2}
    assert len({tuple(order) for order in orders}) == 4


def test_no_token_is_left_out_for_ever() -> None:
    stream = Stream(split(LENGTHS), 13, 10, seed=0)
    seen = {int(token) for epoch in range(20) for token in stream.batch(epoch).tokens.ravel()}
    assert seen >= set(range(sum(LENGTHS) - 1))  # the very last token is only ever a target


def test_a_batch_depends_on_the_step_alone() -> None:
    stream = Stream(split(LENGTHS), 4, 10, seed=9)
    batches = [stream.batch(step) for step in range(20)]
    for step in (13, 0, 19, 7):
        again, elsewhere = stream.batch(step), Stream(split(LENGTHS), 4, 10, seed=9).batch(step)
        for field in ("tokens", "targets", "segments"):
            expected = getattr(batches[step], field)
            assert np.array_equal(getattr(again, field), expected)
            assert np.array_equal(getattr(elsewhere, field), expected)
    assert not np.array_equal(Stream(split(LENGTHS), 4, 10, seed=10).batch(0).tokens, batches[0].tokens)


def test_a_batch_is_what_one_would_cut_by_hand() -> None:
    shards = split(LENGTHS)
    owner = [number for number, length in enumerate(LENGTHS) for _ in range(length)]
    stream = Stream(shards, 5, 10, seed=3)
    for step in range(12):
        batch = stream.batch(step)
        for tokens, targets, segments in zip(batch.tokens, batch.targets, batch.segments, strict=True):
            first = int(tokens[0])
            assert tokens.tolist() == list(range(first, first + 10))
            assert segments.tolist() == [owner[place] - owner[first] for place in tokens]
            assert targets.tolist() == [
                place + 1 if owner[place] == owner[place + 1] else IGNORED for place in tokens.tolist()
            ]


def test_shapes_and_types_are_those_a_model_takes() -> None:
    batch = Stream(split(LENGTHS), 4, 10, seed=0).batch(0)
    assert (batch.tokens.shape, batch.targets.shape, batch.segments.shape) == ((4, 10),) * 3
    assert [array.dtype for array in (batch.tokens, batch.targets, batch.segments)] == [np.int64, np.int64, np.int32]
    assert (batch.segments[:, 0] == 0).all()


def test_one_window_fills_any_batch() -> None:
    batch = Stream(split([11]), 3, 10, seed=0).batch(7)
    assert batch.tokens.tolist() == [list(range(10))] * 3


def test_a_step_far_into_training_and_a_negative_seed_work() -> None:
    batch = Stream(split(LENGTHS), 64, 10, seed=-1).batch(10**12)
    assert batch.tokens.shape == (64, 10)


@pytest.mark.parametrize(("tokens", "way_out"), [(10, "a sequence length of 9 or less"), (1, "more text"), (0, "more")])
def test_less_than_a_window_says_what_would_do(tokens: int, way_out: str) -> None:
    with pytest.raises(InputError, match=f"has {tokens} tokens") as caught:
        Stream(split([tokens] if tokens else []), 2, 10, seed=0)
    assert way_out in caught.value.fix
    assert "11 tokens" in caught.value.fix
