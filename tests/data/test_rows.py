"""Rows come back as written, in bounded groups, and the same rows make the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.core.tables import count_rows, read_rows
from ingot.data import rows
from ingot.data.document import SCHEMA
from ingot.data.rows import RowWriter, TableWriter


def row(number: int) -> dict[str, Any]:
    return {
        "doc_id": f"{number:032x}",
        "parent_id": None,
        "uri": "a/b.txt",
        "text": f"größer {number}",
        "byte_start": number,
        "byte_end": number + 1,
        "media_type": "text/plain",
        "parser": "text",
        "licence": "MIT",
        "owner": None,
        "access": ["everyone"],
        "retention": None,
        "modified": 1.5,
        "version": None,
        "region": None,
        "positions": [],
    }


def write(path: Path, count: int) -> RowWriter:
    with RowWriter(path, SCHEMA) as writer:
        for number in range(count):
            writer.write(row(number))
    return writer


def test_rows_come_back(tmp_path: Path) -> None:
    writer = write(tmp_path / "a.parquet", 1300)
    assert list(read_rows(tmp_path / "a.parquet")) == [row(number) for number in range(1300)]
    assert count_rows(tmp_path / "a.parquet") == writer.rows == 1300
    assert writer.text_bytes == sum(len(f"größer {number}".encode()) for number in range(1300))


def test_no_rows_are_a_file_too(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", 0)
    assert list(read_rows(tmp_path / "a.parquet")) == []
    assert pq.read_schema(tmp_path / "a.parquet").equals(SCHEMA)


def test_groups_are_bounded_and_the_same_rows_make_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_GROUP_BYTES", 1000)
    write(tmp_path / "a.parquet", 500)
    write(tmp_path / "b.parquet", 500)
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups >= 4
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_tables_are_written_in_the_same_groups_as_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_GROUP_BYTES", 1000)
    with TableWriter(tmp_path / "a.parquet", SCHEMA) as writer:
        for number in range(500):
            writer.write(pa.Table.from_pylist([row(number)], schema=SCHEMA))
    write(tmp_path / "b.parquet", 500)
    assert (writer.rows, writer.text_bytes) == (500, sum(len(f"größer {number}".encode()) for number in range(500)))
    assert list(read_rows(tmp_path / "a.parquet")) == list(read_rows(tmp_path / "b.parquet"))
    groups = [pq.ParquetFile(tmp_path / name).num_row_groups for name in ("a.parquet", "b.parquet")]
    assert groups[0] == groups[1]
