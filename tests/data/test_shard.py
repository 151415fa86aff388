"""One shard: what is written is read back, found again by document, and believed only when it is whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.errors import InputError
from ingot.data import shard as shard_module
from ingot.data.shard import Shard, ShardWriter, Stretch
from tests.data.shard_folders import write_shard

LENGTHS = [7, 1, 30, 2, 2, 64, 5, 19, 3]


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    write_shard(tmp_path / "00000", LENGTHS)
    return Shard(tmp_path / "00000")


def test_it_counts_what_it_holds(shard: Shard) -> None:
    assert (shard.token_count, shard.document_count, shard.dtype) == (133, 9, np.dtype("<u4"))
    assert shard.tokens.tolist() == list(range(133))
    assert shard.starts.tolist() == np.cumsum([0, *LENGTHS])[:-1].tolist()
    assert shard.doc_ids(0, 9) == [f"document-{number}" for number in range(9)]
    assert [len(ids) for ids in shard.in_documents()] == LENGTHS


def test_parts_of_a_document_are_joined_and_their_ids_noted(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, "uint16", 10) as writer:
        writer.append("a", 5, [[0], [3, 4], [5], [1]])
        writer.append("b", 0, iter([[0], [], [1]]))
    description = writer.finish()
    shard = Shard(tmp_path)
    assert [ids.tolist() for ids in shard.in_documents()] == [[0, 3, 4, 5, 1], [0, 1]]
    assert np.flatnonzero(writer.used).tolist() == [0, 1, 3, 4, 5]
    assert {name: description[name] for name in ("tokens", "documents", "bytes", "dtype")} == {
        "tokens": 7, "documents": 2, "bytes": 5, "dtype": "uint16"
    }  # fmt: skip


def test_rows_are_read_at_any_place_and_again_after_a_release(shard: Shard) -> None:
    row = np.empty(10, dtype="<u4")
    for first in (0, 57, 123):
        shard.read_into(first, row.view(np.uint8))
        assert row.tolist() == list(range(first, first + 10))
        shard.release()
        assert shard.starts[1] == 7


def test_a_released_shard_holds_no_file(shard: Shard) -> None:
    before = len(os.listdir("/dev/fd"))
    shard.read_into(0, np.empty(8, dtype=np.uint8))
    assert len(os.listdir("/dev/fd")) == before + 1
    shard.release()
    assert len(os.listdir("/dev/fd")) == before


@given(first=st.integers(0, 132), count=st.integers(1, 133))
@settings(deadline=None)
def test_documents_at_a_place_are_those_of_its_tokens(
    tmp_path_factory: pytest.TempPathFactory, first: int, count: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "at" / "00000"
    if not folder.exists():
        write_shard(folder, LENGTHS)
    shard, count = Shard(folder), min(count, 133 - first)
    begins = np.cumsum([0, *LENGTHS]).tolist()
    tokens, place = [], 0
    for stretch in shard.documents_at(first, count):
        begin = begins[int(stretch.doc_id.removeprefix("document-"))]
        assert stretch.place == place
        tokens += range(begin + stretch.start, begin + stretch.stop)
        place += stretch.stop - stretch.start
    assert tokens == list(range(first, first + count))


def test_a_stretch_says_where_in_document_and_row(shard: Shard) -> None:
    assert shard.documents_at(5, 4) == [
        Stretch("document-0", 5, 7, 0),
        Stretch("document-1", 0, 1, 2),
        Stretch("document-2", 0, 1, 3),
    ]


def test_ids_are_found_across_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "_DOCUMENTS_IN_ROW_GROUP", 4)
    write_shard(tmp_path / "00000", [2] * 11)
    shard = Shard(tmp_path / "00000")
    for start in range(11):
        for stop in range(start, 12):
            assert shard.doc_ids(start, stop) == [f"document-{number}" for number in range(start, min(stop, 11))]


def test_a_shard_without_documents_can_be_opened(tmp_path: Path) -> None:
    write_shard(tmp_path / "00000", [])
    shard = Shard(tmp_path / "00000")
    assert (len(shard.tokens), len(shard.starts), list(shard.in_documents())) == (0, 0, [])


@pytest.mark.parametrize("name", ["tokens.bin", "starts.bin", "documents.parquet", "shard.json"])
@pytest.mark.parametrize("damage", ["shorter", "missing"])
def test_a_wrong_size_is_found_when_it_is_opened(tmp_path: Path, name: str, damage: str) -> None:
    write_shard(tmp_path / "00000", LENGTHS)
    path = tmp_path / "00000" / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InputError, match="not whole") as caught:
        Shard(tmp_path / "00000")
    assert "00000" in caught.value.where


@pytest.mark.parametrize("name", ["tokens.bin", "starts.bin", "documents.parquet"])
def test_a_flipped_bit_is_found_on_demand(shard: Shard, name: str) -> None:
    shard.verify()
    path = shard.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="not whole") as caught:
        Shard(shard.folder).verify()
    assert name in caught.value.where


def test_a_file_that_shrank_while_it_was_read_is_an_error_and_no_crash(shard: Shard) -> None:
    os.truncate(shard.folder / "tokens.bin", 100)
    with pytest.raises(InputError, match="not whole"):
        shard.read_into(20, np.empty(40, dtype=np.uint8))


def test_the_index_is_small(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    with ShardWriter(tmp_path, "uint16", 100) as writer:
        for _ in range(20_000):
            writer.append(random.bytes(16).hex(), int(random.integers(1, 20_000)), [np.zeros(5, dtype=np.uint16)])
    files = json.dumps(writer.finish()["files"])
    index = sum(json.loads(files)[name]["bytes"] for name in ("starts.bin", "documents.parquet"))
    assert index / 20_000 < 24  # a 4-byte start, a 16-byte id, the size of the text
