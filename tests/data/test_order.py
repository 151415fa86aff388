"""The order of windows: each once an epoch, by stages, the same before and after the last shard is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.errors import InputError
from ingot.data.order import Order
from ingot.data.shards import Shards
from tests.data.shard_folders import split, write_shard

DOCUMENTS = [[7, 1, 30], [2, 2, 64, 5], [19, 3], [4], [60, 40]]  # 38, 73, 22, 4 and 100 tokens: 3 + 7 + 2 + 0 + 9
LENGTH, WINDOWS = 10, 21


def read(order: Order, start: int, stop: int) -> list[tuple[int, int, int]]:
    places = order.places(np.arange(start, stop, dtype=np.uint64))
    return list(zip(*(column.tolist() for column in places), strict=True))


@pytest.mark.parametrize("stage_shards", [1, 2, 3, 8])
def test_each_epoch_reads_every_window_once(tmp_path: Path, stage_shards: int) -> None:
    order = Order("a", split(tmp_path, *DOCUMENTS), LENGTH, 5, stage_shards)
    assert order.know_all() == order.windows == WINDOWS
    found = read(order, 0, 4 * WINDOWS)
    for epoch in range(4):
        rows = found[epoch * WINDOWS : (epoch + 1) * WINDOWS]
        assert {number for number, _, _ in rows} == {epoch}
        for shard, count in enumerate((3, 7, 2, 0, 9)):
            firsts = sorted(first for _, number, first in rows if number == shard)
            assert [first // LENGTH for first in firsts] == list(range(count))
            # One offset for a shard's whole epoch; the last window ends inside it, target and all.
            assert len({first % LENGTH for first in firsts}) <= 1
            assert not firsts or firsts[-1] + LENGTH + 1 <= sum(DOCUMENTS[shard])
    assert len({tuple(found[epoch * WINDOWS : (epoch + 1) * WINDOWS]) for epoch in range(4)}) == 4


def test_stages_come_one_after_another(tmp_path: Path) -> None:
    order = Order("a", split(tmp_path, *DOCUMENTS), LENGTH, 5, stage_shards=2)
    stages = [shard // 2 for _, shard, _ in read(order, 0, 2 * WINDOWS)]
    assert stages == [*[0] * 10, *[1] * 2, *[2] * 9] * 2
    assert {shard for _, shard, _ in read(order, 0, 10)} == {0, 1}


def test_what_fills_no_window_is_left_out_at_another_place_each_epoch(tmp_path: Path) -> None:
    order = Order("a", split(tmp_path, [38], [29]), LENGTH, 0)
    found = read(order, 0, 100 * order.know_all())
    for shard, unread in ((0, 7), (1, 8)):
        assert {first % LENGTH for _, number, first in found if number == shard} == set(range(unread + 1))


@given(numbers=st.lists(st.integers(0, 10**15), min_size=1, max_size=30))
@settings(deadline=None)
def test_each_place_depends_on_its_number_alone(tmp_path_factory: pytest.TempPathFactory, numbers: list[int]) -> None:
    folder = tmp_path_factory.getbasetemp() / "alone"
    shards = Shards(folder, len(DOCUMENTS)) if folder.exists() else split(folder, *DOCUMENTS)
    order = Order("a", shards, LENGTH, 3, 2)
    together = order.places(np.array(numbers, dtype=np.uint64))
    for row, number in enumerate(numbers):
        assert read(order, number, number + 1)[0] == tuple(column[row] for column in together)


def test_another_seed_or_name_gives_another_order(tmp_path: Path) -> None:
    shards = split(tmp_path, [1000])
    orders = [read(Order(name, shards, LENGTH, seed), 0, 99) for name, seed in (("a", 0), ("b", 0), ("a", 1))]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert orders[0] == read(Order("a", shards, LENGTH, 0), 0, 99)


def test_reading_begins_before_the_last_shard_is_written_and_stays_the_same(tmp_path: Path) -> None:
    whole = read(Order("a", split(tmp_path / "whole", *DOCUMENTS), LENGTH, 5, 2), 0, 50)
    growing = tmp_path / "growing"
    for number in range(2):
        write_shard(growing / f"{number:05d}", DOCUMENTS[number], first_token=100 * number)
    order = Order("a", Shards(growing, len(DOCUMENTS), patience_seconds=0.01), LENGTH, 5, 2)
    assert read(order, 0, 10) == whole[:10]
    assert not order.is_whole
    with pytest.raises(InputError, match="shard 3 of 5 is not written"):
        read(order, 0, 11)
    for number in range(2, 5):
        write_shard(growing / f"{number:05d}", DOCUMENTS[number], first_token=100 * number)
    assert read(order, 0, 50) == whole
    assert order.is_whole


@pytest.mark.parametrize(
    ("tokens", "way_out"), [([10], "a sequence length of 9 or less"), ([10, 4], "9 or less"), ([1], "more text")]
)
def test_less_than_a_window_says_what_would_do(tmp_path: Path, tokens: list[int], way_out: str) -> None:
    with pytest.raises(InputError, match=f"{max(tokens)} tokens") as caught:
        Order("a", split(tmp_path, *([count] for count in tokens)), LENGTH, 0)
    assert way_out in caught.value.fix
    assert "11 tokens" in caught.value.fix


def test_no_shard_at_all_asks_for_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 tokens"):
        Order("a", split(tmp_path), LENGTH, 0)
