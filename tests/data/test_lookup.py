"""Documents are found by id, parent, URI or the beginning of an id, and nothing is read that cannot hold them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.core.errors import InputError
from ingot.data.lookup import look_up, nearest, whole_name

SHARDS, ROWS = 3, 40


def hashed(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def uri_of(shard: int, row: int) -> str:
    return f"folder{shard}/größe{row:03}.txt"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Tables of four row groups; every tenth document is a part of a longer one."""
    made = []
    for shard in range(SHARDS):
        uris = [uri_of(shard, row) for row in range(ROWS)]
        parents = [hashed(f"parent of {shard}") if row % 10 == 0 else None for row in range(ROWS)]
        columns = {"doc_id": [hashed(uri) for uri in uris], "parent_id": parents, "uri": uris, "text": ["x"] * ROWS}
        made.append(tmp_path / f"{shard}.parquet")
        pq.write_table(pa.table(columns), made[-1], row_group_size=10)
    return made


def found(files: list[Path], wanted: str, *, by_prefix: bool = False) -> list[str]:
    return [
        uri for each in look_up(files, wanted, by_prefix=by_prefix) for uri in each.table(["uri"])["uri"].to_pylist()
    ]


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("row", [0, 9, 10, 39])
def test_by_every_name_it_has(files: list[Path], shard: int, row: int) -> None:
    uri = uri_of(shard, row)
    assert found(files, uri) == [uri]
    assert found(files, hashed(uri)) == [uri]
    assert found(files, hashed(uri)[:12], by_prefix=True) == [uri]
    assert found(files, hashed(uri)[:12]) == []


def test_the_parts_of_a_document_come_in_order(files: list[Path]) -> None:
    assert found(files, hashed("parent of 1")) == [uri_of(1, row) for row in (0, 10, 20, 30)]


@pytest.mark.parametrize(
    "wanted", ["", "nothing.txt", hashed("nothing"), "folder1/größe0", "größe", "0" * 32, "f" * 40]
)
def test_nothing_else_is_found(files: list[Path], wanted: str) -> None:
    assert found(files, wanted, by_prefix=len(wanted) >= 8) == []


def test_ids_that_are_no_hashes_are_found_too(tmp_path: Path) -> None:
    table = pa.table({"doc_id": ["letter-1", "letter-2"], "parent_id": pa.nulls(2, pa.string()), "uri": ["a", "b"]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert found([tmp_path / "t.parquet"], "letter-2") == ["b"]


def test_without_statistics_everything_is_looked_at(files: list[Path], tmp_path: Path) -> None:
    pq.write_table(pq.read_table(files[0]), tmp_path / "plain.parquet", write_statistics=False)
    assert found([tmp_path / "plain.parquet"], uri_of(0, 7)) == [uri_of(0, 7)]


def test_a_uri_is_looked_for_only_where_it_can_be(files: list[Path]) -> None:
    """What lies in all other row groups, and every text, is made unreadable."""
    wanted = uri_of(1, 25)
    for path in files:
        content, described = bytearray(path.read_bytes()), pq.read_metadata(path)
        for group in range(described.num_row_groups):
            for column in map(described.row_group(group).column, range(described.num_columns)):
                if (path, group, column.path_in_schema) != (files[1], 2, "uri"):
                    start = column.dictionary_page_offset or column.data_page_offset
                    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
        path.write_bytes(content)
    (place,) = look_up(files, wanted)
    assert (place.path, place.group, place.rows) == (files[1], 2, (5,))
    with pytest.raises(OSError, match="header"):
        list(look_up(files, hashed(wanted)))


def test_the_only_end_of_a_uri_is_enough(tmp_path: Path) -> None:
    uris = ["a/leave.md", "a/not leave.md", *(f"{folder}/read.md" for folder in "abcdefg")]
    columns = {"doc_id": list(map(hashed, uris)), "parent_id": [None] * len(uris), "uri": uris}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    files = [tmp_path / "t.parquet"]
    assert whole_name(files, "leave.md") == whole_name(files, "a/leave.md") == "a/leave.md"
    assert whole_name(files, hashed("a/leave.md")) == hashed("a/leave.md")
    assert whole_name(files, "nothing.md") == "nothing.md"
    with pytest.raises(InputError, match=r"7 documents end in 'read\.md'") as caught:
        whole_name(files, "read.md")
    assert caught.value.why == "a/read.md, b/read.md, c/read.md, d/read.md, e/read.md, ..."
    assert nearest(files, "leaf.md") == "did you mean 'a/leave.md'?"
    assert nearest(files, "xyz") == ""
