"""Prompts as they are written, what is left out and why, and that none is cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.prompts import Config, read_prompt, tokenize
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.flow.artifact import Artifact
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.data.labelled import reading, snapshot
from tests.train.small import artifact


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Artifact]:
    (tmp_path / "tokenizer").mkdir()
    write(learn(["What is 12 + 30? It is 42. " * 20], 320), tmp_path / "tokenizer")
    return {"tokenizer": artifact("tokenizer", tmp_path / "tokenizer")}


def test_a_prompt_is_a_text_or_messages() -> None:
    talk = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1+1?"}]
    assert read_prompt(b'{"prompt": "1+1?", "answer": 2}') == ([talk[1]], "2", [])
    assert read_prompt(json.dumps({"messages": talk, "answer": "2"}).encode()) == (talk, "2", [])
    assert read_prompt(b'{"prompt": "Write JSON."}')[1] == ""


def test_what_is_no_prompt_is_left_out_with_its_reason(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    bad: list[dict[str, Any]] = [
        {"prompt": " ", "answer": "1"},
        {"prompt": [{"role": "assistant", "content": "2"}], "answer": "1"},
        {"prompt": [{"role": "robot", "content": "2"}], "answer": "1"},
        {"prompt": "1+1?", "answer": {"is": 2}},
        {"prompt": "1+1?", "answer": True},
        {"prompt": "why? " * 60, "answer": "1"},
    ]
    source = snapshot(tmp_path / "prompts.jsonl", [*bad, "[]", "{", {"prompt": "1+1?", "answer": 2}])
    facts = tokenize(Config(64, 0.0), inputs, reading(tmp_path / "shards", source))
    assert (facts["train_examples"], facts["failures"], facts["unanswered"]) == (1, 8, 0)
    reasons = [json.loads(line)["reason"] for line in (tmp_path / "shards/failures.jsonl").read_text().splitlines()]
    assert "under 'answer'" in reasons[1]
    assert "robot" in reasons[2]
    assert "a row holds 64" in reasons[5]
    with pytest.raises(InputError, match="no prompt") as caught:
        tokenize(Config(64, 0.0, "refuse"), inputs, reading(tmp_path / "refused", source))
    assert "prompts.jsonl:1" in caught.value.where


def test_a_file_without_prompts_is_refused(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no prompt to answer"):
        tokenize(Config(), inputs, reading(tmp_path / "shards", snapshot(tmp_path / "empty.jsonl", [])))
    with pytest.raises(UsageError, match="row_tokens"):
        Config(row_tokens=8)


def test_prompts_stand_whole_in_their_rows(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    asked = [{"prompt": f"What is {n} + 30?", "answer": n + 30} for n in range(40)]
    facts = tokenize(Config(128, 0.2), inputs, reading(tmp_path / "shards", snapshot(tmp_path / "p.jsonl", asked)))
    assert facts["train_examples"] + facts["held_out_examples"] == 40
    assert facts["held_out_examples"] > 0
    codec = Codec.load(tmp_path / "tokenizer")
    batch = Stream(Shards.open(tmp_path / "shards", "train"), 2, 128, 0).batch(0)
    assert (batch.tokens[:, 0] == codec.bos).all()
