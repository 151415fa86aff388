"""Tables in shards are read as one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingot.core.tables import SHARDS_FOLDER, count_rows, parts, read_batches, read_rows, shard_name


def test_parts_are_read_in_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        folder = tmp_path / SHARDS_FOLDER / shard_name(number)
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"n": [number, number], "t": ["a", "b"]}), folder / "train.parquet")
    files = parts(tmp_path, "train")
    assert [row["n"] for row in read_rows(files, ("n",))] == [1, 1, 2, 2, 10, 10]
    assert count_rows(files) == 6
    assert count_rows(files[0]) == 2
    assert parts(tmp_path, "dropped") == []


def test_batches_are_bounded_by_the_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "one.parquet"
    pq.write_table(pa.table({"n": list(range(2000))}), path, row_group_size=700)
    assert [batch.num_rows for batch in read_batches(path)] == [512, 188, 512, 188, 512, 88]
