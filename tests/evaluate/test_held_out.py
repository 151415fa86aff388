from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from ingot.core.errors import InputError
from ingot.evaluate.held_out import held_out_texts, training_text


def write(folder: Path, split: str, texts: list[str]) -> None:
    rows = [
        {"doc_id": f"{(number * 7) % 10:032x}", "uri": f"{number}.txt", "text": t} for number, t in enumerate(texts)
    ]
    schema = pa.schema([("doc_id", pa.string()), ("uri", pa.string()), ("text", pa.string())])
    shard = folder / "shards/00000"
    shard.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), shard / f"{split}.parquet")


def test_documents_come_in_the_order_of_their_identity_until_the_limit(tmp_path: Path) -> None:
    write(tmp_path, "held_out", ["a" * 10, "b" * 10, "c" * 10])
    taken = held_out_texts(tmp_path, 200)
    assert [text.uri for text in taken] == ["0.txt", "2.txt", "1.txt"]
    assert sum(text.bytes for text in held_out_texts(tmp_path, 100)) <= 100
    assert [text.text for text in taken] == ["a" * 10, "c" * 10, "b" * 10]


def test_one_long_document_is_not_the_whole_test(tmp_path: Path) -> None:
    write(tmp_path, "held_out", ["long " * 1000, *["short"] * 9])
    taken = held_out_texts(tmp_path, 500)
    assert [text.bytes for text in taken] == [50, *[5] * 9]
    assert [text.is_cut for text in taken] == [True, *[False] * 9]


def test_a_few_long_documents_share_the_limit(tmp_path: Path) -> None:
    write(tmp_path, "held_out", ["long " * 1000, "more " * 1000])
    assert [text.bytes for text in held_out_texts(tmp_path, 500)] == [250, 250]


def test_a_cut_never_splits_a_character(tmp_path: Path) -> None:
    write(tmp_path, "held_out", ["ééééé"])
    (text,) = held_out_texts(tmp_path, 5)
    assert text.text == "éé"


def test_nothing_held_out_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "held_out", [])
    with pytest.raises(InputError, match="no held-out text"):
        held_out_texts(tmp_path, 100)


def test_training_text_is_taken_evenly_when_it_is_too_much(tmp_path: Path) -> None:
    write(tmp_path, "train", [f"document {number:03}" for number in range(100)])
    assert len(training_text(tmp_path, 10**6)) == 100
    some = training_text(tmp_path, 12 * 25)
    assert 20 <= len(some) <= 26
    assert some[0] == b"document 000"
    assert some[-1] > b"document 090"
