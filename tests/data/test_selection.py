"""Choosing documents by a hash of their ids, from the bytes they have, and dealing them into shards."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.data.selection import documents, select
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

TEXTS = [f"record {number} of the register" for number in range(300)]
ONE_SHARD = 1 << 30


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    folder = tmp_path_factory.mktemp("tokenizer")
    write(learn(TEXTS, 512), folder)
    return Codec.load(folder)


def register(path: Path, numbers: list[int], row_group_size: int | None = None) -> list[Path]:
    """Write a file; what is chosen from is a list of files."""
    ids = [f"{number:032x}" for number in numbers]
    table = pa.table({"doc_id": ids, "text": [TEXTS[number] for number in numbers]})
    pq.write_table(table, path, row_group_size=row_group_size)
    return [path]


def test_without_a_limit_everything_is_taken(codec: Codec, tmp_path: Path) -> None:
    parquet = register(tmp_path / "r.parquet", list(range(300)))
    for limit in (0, 1_000_000):
        selection = select(parquet, limit, codec, ONE_SHARD)
        assert [text for _, text in selection.documents()] == TEXTS
        assert selection.bytes == selection.available_bytes == sum(map(len, TEXTS))
        assert selection.fraction == 1


def test_the_choice_is_by_id_whatever_the_order_of_the_file(codec: Codec, tmp_path: Path) -> None:
    forward = select(register(tmp_path / "f.parquet", list(range(300))), 400, codec, ONE_SHARD)
    backward = select(register(tmp_path / "b.parquet", list(reversed(range(300)))), 400, codec, ONE_SHARD)
    taken = list(forward.documents())
    assert sorted(taken) == sorted(backward.documents())
    assert forward.bytes == sum(len(text) for _, text in taken) < forward.available_bytes
    tokens = sum(len(codec.encode(text)) + 2 for _, text in taken)
    assert tokens == pytest.approx(400, rel=0.1)


def test_a_larger_limit_takes_the_same_and_more(codec: Codec, tmp_path: Path) -> None:
    parquet = register(tmp_path / "r.parquet", list(range(300)))
    few, many = (set(select(parquet, limit, codec, ONE_SHARD).documents()) for limit in (400, 800))
    assert few < many


def test_at_least_one_document_is_taken(codec: Codec, tmp_path: Path) -> None:
    parquet = register(tmp_path / "r.parquet", list(range(300)))
    assert len(list(select(parquet, 1, codec, ONE_SHARD).documents())) == 1


@pytest.mark.parametrize("limit", [0, 800])
def test_shards_share_the_documents_out(codec: Codec, tmp_path: Path, limit: int) -> None:
    files = register(tmp_path / "1.parquet", list(range(180)), row_group_size=10)
    files += register(tmp_path / "2.parquet", list(range(180, 300)), row_group_size=10)
    whole = select(files, limit, codec, ONE_SHARD)
    assert [dict(share.row_groups) for share in whole.shards] == [
        {files[0]: list(range(18)), files[1]: list(range(12))}
    ]
    selection = select(files, limit, codec, -(-whole.bytes // 5))
    assert len(selection.shards) == 5
    assert sorted(selection.documents()) == sorted(whole.documents())
    for share in selection.shards:
        found = sum(len(text) for _, text in documents(share.row_groups, selection.buckets))
        assert found == pytest.approx(whole.bytes / 5, rel=0.6)
        assert share.bytes == pytest.approx(whole.bytes / 5, rel=0.2)
        assert all(sorted(numbers) == numbers for numbers in share.row_groups.values())
    # Neighbours do not end up together: a shard is a sample of all files.
    assert sum(len(share.row_groups) == 2 for share in selection.shards) >= 4


def test_there_are_never_more_shards_than_row_groups(codec: Codec, tmp_path: Path) -> None:
    parquet = register(tmp_path / "r.parquet", list(range(300)), row_group_size=100)
    assert [share.bytes // 2000 for share in select(parquet, 0, codec, 10).shards] == [1, 1, 1]


def test_nothing_gives_no_shard(codec: Codec, tmp_path: Path) -> None:
    for files in (register(tmp_path / "r.parquet", []), []):
        selection = select(files, 100, codec, ONE_SHARD)
        assert (selection.shards, selection.bytes, selection.fraction) == ((), 0, 1.0)
        assert list(selection.documents()) == []
