"""Batches: every window once an epoch, the same for everybody, and no document that sees another."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.mixture import Config, Phase
from ingot.data.shards import Shards
from ingot.data.stream import IGNORED, Stream
from tests.data.shard_folders import split, write_shard

LENGTHS = [7, 1, 30, 2, 2, 64, 5, 19, 3]  # 133 tokens: 13 windows of 10 and 2 tokens that fill none
SEVERAL = [LENGTHS, [40, 3, 2], [9] * 20]  # 13 + 4 + 17 windows
FIELDS = ("tokens", "targets", "segments")


@pytest.mark.parametrize("batch_size", [1, 3, 13, 40])
def test_each_epoch_reads_every_window_once(tmp_path: Path, batch_size: int) -> None:
    stream = Stream(split(tmp_path, LENGTHS), batch_size, 10, seed=5)
    steps = -(-13 * 4 // batch_size)
    firsts = np.concatenate([stream.batch(step).tokens[:, 0] for step in range(steps)])[: 13 * 4].reshape(4, 13)
    orders = [(epoch // 10).tolist() for epoch in firsts]
    for epoch, order in zip(firsts, orders, strict=True):
        assert sorted(order) == list(range(13))
        assert len(set((epoch % 10).tolist())) == 1  # one offset for the whole epoch
        assert set((epoch % 10).tolist()) <= {0, 1, 2}
    assert len({tuple(order) for order in orders}) == 4


def test_no_token_is_left_out_for_ever(tmp_path: Path) -> None:
    stream = Stream(split(tmp_path, LENGTHS), 13, 10, seed=0)
    seen = {int(token) for epoch in range(20) for token in stream.batch(epoch).tokens.ravel()}
    assert seen >= set(range(sum(LENGTHS) - 1))  # the very last token is only ever a target


def test_a_batch_depends_on_the_step_alone(tmp_path: Path) -> None:
    shards = split(tmp_path, *SEVERAL)
    stream = Stream(shards, 4, 10, seed=9)
    steps = (0, 1, 7, 13, 19, 255, 256, 300)
    batches = {step: stream.batch(step) for step in steps}
    for step in (13, 300, 0, 256, 19, 255, 7):
        again, elsewhere = stream.batch(step), Stream(shards, 4, 10, seed=9).batch(step)
        for field in FIELDS:
            expected = getattr(batches[step], field)
            assert np.array_equal(getattr(again, field), expected)
            assert np.array_equal(getattr(elsewhere, field), expected)
    assert not np.array_equal(Stream(shards, 4, 10, seed=10).batch(0).tokens, batches[0].tokens)


def test_a_batch_is_what_one_would_cut_by_hand(tmp_path: Path) -> None:
    lengths = [length for shard in SEVERAL for length in shard]
    owner = [number for number, length in enumerate(lengths) for _ in range(length)]
    stream = Stream(split(tmp_path, *SEVERAL), 5, 10, seed=3)
    for step in range(12):
        batch = stream.batch(step)
        for tokens, targets, segments in zip(batch.tokens, batch.targets, batch.segments, strict=True):
            first = int(tokens[0])
            assert tokens.tolist() == list(range(first, first + 10))
            assert segments.tolist() == [owner[place] - owner[first] for place in tokens]
            assert targets.tolist() == [
                place + 1 if owner[place] == owner[place + 1] else IGNORED for place in tokens.tolist()
            ]


def test_shapes_and_types_are_those_a_model_takes(tmp_path: Path) -> None:
    batch = Stream(split(tmp_path, LENGTHS), 4, 10, seed=0).batch(0)
    assert (batch.tokens.shape, batch.targets.shape, batch.segments.shape) == ((4, 10),) * 3
    assert [getattr(batch, field).dtype for field in FIELDS] == [np.int64, np.int64, np.int32]
    assert (batch.segments[:, 0] == 0).all()


def test_a_batch_is_the_callers_to_change(tmp_path: Path) -> None:
    stream = Stream(split(tmp_path, LENGTHS), 4, 10, seed=0)
    batch = stream.batch(0)
    before = batch.tokens.copy()
    batch.targets[:] = batch.segments[:] = 0
    assert np.array_equal(batch.tokens, before)
    batch.tokens[:] = 0
    assert np.array_equal(stream.batch(0).tokens, before)


def test_one_window_fills_any_batch(tmp_path: Path) -> None:
    batch = Stream(split(tmp_path, [11]), 3, 10, seed=0).batch(7)
    assert batch.tokens.tolist() == [list(range(10))] * 3


def test_a_step_far_into_training_and_a_negative_seed_work(tmp_path: Path) -> None:
    batch = Stream(split(tmp_path, LENGTHS), 64, 10, seed=-1).batch(10**12)
    assert batch.tokens.shape == (64, 10)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_ranks_deal_the_rows_of_the_batch_without_a_repeat_or_a_gap(tmp_path: Path, ranks: int) -> None:
    shards = {"a": split(tmp_path / "a", *SEVERAL), "b": split(tmp_path / "b", [500], first_token=1000)}
    whole = Stream(shards, 7, 10, seed=2)
    parts = [Stream(shards, 7, 10, seed=2, rank=rank, ranks=ranks) for rank in range(ranks)]
    for step in (0, 1, 5, 145, 146, 147, 1000):
        together = [stream.batch(step) for stream in parts]
        assert max(len(batch.tokens) for batch in together) - min(len(batch.tokens) for batch in together) <= 1
        for field in FIELDS:
            rows = np.concatenate([getattr(batch, field) for batch in together])
            assert np.array_equal(rows, getattr(whole.batch(step), field))
        assert [row for stream in parts for row in stream.rows(step)] == whole.rows(step)


@pytest.mark.parametrize(("rank", "ranks"), [(0, 5), (4, 4), (-1, 2)])
def test_a_rank_without_rows_is_refused(tmp_path: Path, rank: int, ranks: int) -> None:
    with pytest.raises(UsageError, match=f"rank {rank} of {ranks}"):
        Stream(split(tmp_path, LENGTHS), 4, 10, seed=0, rank=rank, ranks=ranks)


def test_a_mixture_reads_each_dataset_in_its_share_and_every_window_before_any_again(tmp_path: Path) -> None:
    shards = {"a": split(tmp_path / "a", [91]), "b": split(tmp_path / "b", [301], first_token=1000)}  # 9 and 30 windows
    stream = Stream(shards, 4, 10, 0, Config(weights={"a": 1, "b": 3}))
    rows = [row for step in range(100) for row in stream.rows(step)]
    assert Counter(row.dataset for row in rows) == {"a": 100, "b": 300}
    for name, windows in (("a", 9), ("b", 30)):
        own = [(row.epoch, row.first) for row in rows if row.dataset == name]
        assert [epoch for epoch, _ in own] == [number // windows for number in range(len(own))]
        assert len(set(own)) == len(own)
    assert stream.epochs(100) == {"a": round(100 / 9, 4), "b": 10.0}
    # The tokens are those of the dataset the row is said to come from.
    for step in range(20):
        for row, tokens in zip(stream.rows(step), stream.batch(step).tokens, strict=True):
            assert tokens[0] == row.first + (1000 if row.dataset == "b" else 0)


def test_phases_follow_the_steps_of_the_training(tmp_path: Path) -> None:
    shards = {"a": split(tmp_path / "a", [91]), "b": split(tmp_path / "b", [91])}
    config = Config(weights={"a": 1}, phases=(Phase(0.75, {"b": 1}),))
    stream = Stream(shards, 4, 10, 0, config, steps=40)
    read = ["".join(row.dataset for row in stream.rows(step)) for step in (0, 29, 30, 39)]
    assert read == ["aaaa", "aaaa", "bbbb", "bbbb"]


def test_another_dataset_in_the_mixture_does_not_change_the_order_of_the_first(tmp_path: Path) -> None:
    a, b = split(tmp_path / "a", *SEVERAL), split(tmp_path / "b", [400])
    alone, both = Stream({"a": a}, 4, 10, 0), Stream({"a": a, "b": b}, 4, 10, 0)
    in_both = [row for step in range(40) for row in both.rows(step) if row.dataset == "a"]
    assert [row for step in range(40) for row in alone.rows(step)][: len(in_both)] == in_both


def test_datasets_of_two_tokenizers_do_not_mix(tmp_path: Path) -> None:
    shards = {"a": split(tmp_path / "a", [91]), "b": split(tmp_path / "b", [91], tokenizer="another")}
    with pytest.raises(InputError, match="different tokenizers"):
        Stream(shards, 4, 10, 0)


def test_no_dataset_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to read"):
        Stream({}, 4, 10, 0)


def test_a_row_leads_back_to_its_documents(tmp_path: Path) -> None:
    stream = Stream(split(tmp_path, *SEVERAL), 3, 10, seed=1)
    lengths = [length for shard in SEVERAL for length in shard]
    begins = np.cumsum([0, *lengths]).tolist()
    for step in range(30):
        batch = stream.batch(step)
        for number, tokens in enumerate(batch.tokens):
            found = stream.documents_of(step, number)
            again: list[int] = []
            for segment, stretch in enumerate(found):
                begin = begins[int(stretch.doc_id.removeprefix("document-"))]
                assert stretch.place == len(again)
                assert (batch.segments[number] == segment).sum() == stretch.stop - stretch.start
                again += range(begin + stretch.start, begin + stretch.stop)
            assert again == tokens.tolist()


def test_a_position_is_one_small_record_and_is_checked(tmp_path: Path) -> None:
    stream = Stream(split(tmp_path, LENGTHS), 4, 10, seed=3)
    position = stream.position(17)
    assert position == {"step": 17, "seed": 3, "version": 2}
    stream.resume(position)
    for other in ({**position, "seed": 4}, {**position, "version": 1}, {}, None):
        with pytest.raises(InputError, match="another order"):
            stream.resume(other)


def test_training_begins_while_shards_are_written(tmp_path: Path) -> None:
    lengths = [[3001]] * 20
    whole = Stream(split(tmp_path / "whole", *lengths), 4, 10, seed=1)
    for number in range(8):
        write_shard(tmp_path / "growing" / f"{number:05d}", lengths[number], first_token=3001 * number)
    growing = Stream(Shards(tmp_path / "growing", 20, patience_seconds=0.01), 4, 10, seed=1)
    for step in (0, 100, 511, 599):  # with 599 the first eight shards end
        assert np.array_equal(growing.batch(step).tokens, whole.batch(step).tokens)
    with pytest.raises(InputError, match="shard 9 of 20 is not written"):
        growing.batch(600)
    for number in range(8, 20):
        write_shard(tmp_path / "growing" / f"{number:05d}", lengths[number], first_token=3001 * number)
    for step in (511, 600, 1499, 1500, 4000):
        assert np.array_equal(growing.batch(step).tokens, whole.batch(step).tokens)


def test_files_are_closed_when_reading_has_moved_on(tmp_path: Path) -> None:
    stream = Stream(split(tmp_path, *[[3001]] * 16), 64, 10, seed=1)
    before = len(os.listdir("/dev/fd"))
    for step in range(60):  # two stages of 8 shards in 75 steps
        stream.batch(step)
    assert len(os.listdir("/dev/fd")) <= before + 2 * 8  # tokens, and the map of where documents begin
