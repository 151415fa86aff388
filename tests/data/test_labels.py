from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.labels import Config, read_labels, tokenize
from ingot.data.shards import Shards
from ingot.flow.artifact import Artifact
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.data.labelled import TOPICS, reading, sentences, snapshot
from tests.train.small import Told, artifact

RECORDS: list[dict[str, Any]] = [{"text": text, "label": label} for text, label in sentences(200)]


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Artifact]:
    (tmp_path / "tokenizer").mkdir()
    write(learn([record["text"] for record in RECORDS] * 3, 384), tmp_path / "tokenizer")
    return {"tokenizer": artifact("tokenizer", tmp_path / "tokenizer")}


def test_every_text_ends_with_its_mark_and_its_class(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    source = snapshot(tmp_path / "examples.jsonl", RECORDS)
    facts = tokenize(Config(row_tokens=64), inputs, reading(tmp_path / "shards", source))
    codec, labels = Codec.load(inputs["tokenizer"].path), read_labels(tmp_path / "shards")
    assert labels.names == tuple(sorted(TOPICS)) == tuple(facts["labels"])
    known, found = {record["text"]: record["label"] for record in RECORDS}, 0
    for split in ("train", "held_out"):
        for ids in Shards.open(tmp_path / "shards", split).in_documents():
            end = ids.tolist().index(codec.eos)
            text, name = codec.decode(ids[1:end].tolist()), labels.names[labels.tokens.index(int(ids[end + 1]))]
            assert known[text] == name
            assert set(ids[end + 2 :].tolist()) <= {codec.pad}
            found += 1
    assert found == 200 == facts["train_examples"] + facts["held_out_examples"]
    assert sum(facts["examples"].values()) == facts["train_examples"]
    assert 5 < facts["held_out_examples"] < 40
    assert facts["row_tokens"] == 64
    assert not any(codec.token_bytes(token) == b"" for token in labels.tokens)


def test_long_texts_are_cut_and_wrong_lines_left_out(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    told = Told()
    wrong = ["no json", '{"text": "a"}', '{"text": 3, "label": "money"}', '{"text": "\\ud800", "label": "x"}', "[]"]
    skipped = {"text": "passed over", "label": None}
    records = [*RECORDS, {"text": "storm " * 500, "label": "weather"}, skipped, *wrong]
    facts = tokenize(
        Config(row_tokens=64), inputs, reading(tmp_path / "shards", snapshot(tmp_path / "e.jsonl", records), told)
    )
    assert (facts["cut"], facts["failures"]) == (1, 5)
    reasons = [json.loads(line) for line in (tmp_path / "shards/failures.jsonl").read_text().splitlines()]
    assert reasons[0]["where"] == "e.jsonl:203"
    assert "'label'" in reasons[1]["reason"]
    assert "5 lines are no example" in told.of("warning")[0]["text"]


def test_labels_of_documents_are_put_to_their_texts(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    """As `ingot data label` writes them: ids, and the texts in a dataset."""
    folder = tmp_path / "dataset/shards/00000"
    folder.mkdir(parents=True)
    table = pa.table({"doc_id": [f"d{n}" for n in range(200)], "text": [record["text"] for record in RECORDS]})
    pq.write_table(table, folder / "train.parquet")
    records = [{"doc_id": f"d{n}", "uri": "u", "label": record["label"]} for n, record in enumerate(RECORDS)]
    source = snapshot(tmp_path / "labels.jsonl", [*records, {"doc_id": "gone", "uri": "u", "label": "money"}])
    given = {**inputs, "dataset": artifact("dataset", tmp_path / "dataset")}
    facts = tokenize(Config(row_tokens=64), given, reading(tmp_path / "shards", source))
    assert (facts["train_examples"] + facts["held_out_examples"], facts["failures"]) == (200, 1)


@pytest.mark.parametrize(
    ("records", "what"),
    [
        ([{"text": "a", "label": 1}], "there are 1 classes"),
        (["{}"], "there are 0 classes"),
    ],
)
def test_too_little_is_refused(inputs: dict[str, Artifact], tmp_path: Path, records: list[Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        tokenize(Config(), inputs, reading(tmp_path / "shards", snapshot(tmp_path / "e.jsonl", records)))


def test_wrong_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        Config(row_tokens=2)
    with pytest.raises(UsageError):
        Config(held_out_share=-0.1)
    with pytest.raises(InputError, match="no labels"):
        read_labels(tmp_path)
