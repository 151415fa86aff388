"""Choosing documents by a hash of their ids, from the bytes they have."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.data.selection import select
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

TEXTS = [f"record {number} of the register" for number in range(300)]


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    folder = tmp_path_factory.mktemp("tokenizer")
    write(learn(TEXTS, 512), folder)
    return Codec.load(folder)


def register(path: Path, numbers: list[int]) -> Path:
    ids = [f"{number:032x}" for number in numbers]
    pq.write_table(pa.table({"doc_id": ids, "text": [TEXTS[number] for number in numbers]}), path)
    return path


def test_without_a_limit_everything_is_taken(codec: Codec, tmp_path: Path) -> None:
    parquet = register(tmp_path / "r.parquet", list(range(300)))
    for limit in (0, 1_000_000):
        selection = select(parquet, limit, codec)
        assert [text for _, text in selection.documents()] == TEXTS
        assert selection.bytes == selection.available_bytes == sum(map(len, TEXTS))


def test_the_choice_is_by_id_whatever_the_order_of_the_file(codec: Codec, tmp_path: Path) -> None:
    forward = select(register(tmp_path / "f.parquet", list(range(300))), 400, codec)
    backward = select(register(tmp_path / "b.parquet", list(reversed(range(300)))), 400, codec)
    taken = list(forward.documents())
    assert sorted(taken) == sorted(backward.documents())
    assert forward.bytes == sum(len(text) for _, text in taken) < forward.available_bytes
    tokens = sum(len(codec.encode(text)) + 2 for _, text in taken)
    assert tokens == pytest.approx(400, rel=0.1)


def test_at_least_one_document_is_taken(codec: Codec, tmp_path: Path) -> None:
    assert len(list(select(register(tmp_path / "r.parquet", list(range(300))), 1, codec).documents())) == 1
