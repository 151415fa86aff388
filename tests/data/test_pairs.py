from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.pairs import Config, tokenize
from ingot.data.shards import Shards
from ingot.flow.artifact import Artifact
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.data.labelled import pairs, reading, snapshot
from tests.train.small import Told, artifact

PAIRS = pairs(200)
RECORDS = [{"query": query, "positive": positive} for query, positive in PAIRS]


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Artifact]:
    (tmp_path / "tokenizer").mkdir()
    write(learn([" ".join(pair) for pair in PAIRS] * 3, 384), tmp_path / "tokenizer")
    return {"tokenizer": artifact("tokenizer", tmp_path / "tokenizer")}


def test_the_two_of_a_pair_follow_one_another_in_one_row(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    facts = tokenize(
        Config(row_tokens=256), inputs, reading(tmp_path / "shards", snapshot(tmp_path / "e.jsonl", RECORDS))
    )
    codec, found = Codec.load(inputs["tokenizer"].path), []
    for split in ("train", "held_out"):
        documents = list(Shards.open(tmp_path / "shards", split).in_documents())
        texts = [codec.decode(ids[1 : ids.tolist().index(codec.eos)].tolist()) for ids in documents]
        found += list(zip(texts[0::2], texts[1::2], strict=True))
    assert sorted(found) == sorted(PAIRS)
    assert facts["pairs_in_row"] > 4
    assert facts["filling"] < 0.2
    assert facts["row_tokens"] == 256


def test_what_is_no_pair_is_left_out_and_few_in_a_row_are_said(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    told = Told()
    wrong = ["x", "[]", '{"query": "a"}', '{"query": "a", "positive": " "}', '{"query": "\\ud800", "positive": "b"}']
    long = {"query": "why " * 100, "positive": "therefore " * 100}
    source = snapshot(tmp_path / "e.jsonl", [*RECORDS[:3], long, *wrong])
    facts = tokenize(Config(row_tokens=64, held_out_share=0.0), inputs, reading(tmp_path / "shards", source, told))
    assert (facts["train_examples"], facts["cut"], facts["failures"]) == (4, 1, 5)
    reasons = [json.loads(line)["reason"] for line in (tmp_path / "shards/failures.jsonl").read_text().splitlines()]
    assert reasons[3] == "there is no text in 'positive'"
    assert any("pairs fit a row" in warning["text"] for warning in told.of("warning"))


def test_too_little_is_refused(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 pairs") as raised:
        tokenize(Config(), inputs, reading(tmp_path / "shards", snapshot(tmp_path / "e.jsonl", ["{}"])))
    assert "'query'" in raised.value.why
    with pytest.raises(UsageError):
        Config(row_tokens=4)
