"""Ratings as they are written, what is left out and why, and which answers were good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.data.ratings import Config, rating_key, read_rating, read_ratings, tokenize
from ingot.flow.artifact import Artifact
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.data.labelled import reading, snapshot
from tests.train.small import Told, artifact

GOOD: dict[str, Any] = {"prompt": "Where?", "completion": "Here.", "label": True}


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Artifact]:
    (tmp_path / "tokenizer").mkdir()
    write(learn(["Where is it? It is here. " * 20], 320), tmp_path / "tokenizer")
    return {"tokenizer": artifact("tokenizer", tmp_path / "tokenizer")}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": None}, "'label' is None"),
        ({"label": "good"}, "neither true nor false"),
        ({"label": 0.5}, "neither true nor false"),
        ({"prompt": ""}, "no prompt"),
        ({"prompt": [{"role": "assistant", "content": "Here."}]}, "columns swapped"),
        ({"completion": " "}, "not one turn"),
        ({"completion": [{"role": "user", "content": "Where?"}]}, "not one turn"),
        ({"completion": [{"role": "assistant", "content": " "}]}, "says nothing"),
    ],
)
def test_what_rates_nothing_is_refused_with_its_reason(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_rating(json.dumps({**GOOD, **change}).encode())


def test_labels_are_true_and_false_or_one_and_zero() -> None:
    told = [read_rating(json.dumps({**GOOD, "label": label}).encode()).is_good for label in (True, False, 1, 0)]
    assert told == [True, False, True, False]


def test_which_answers_were_good_is_found_by_what_was_read(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    rows = [{**GOOD, "prompt": f"Where is {n}?", "label": n % 3 > 0} for n in range(9)]
    again = [rows[0], {**rows[1], "label": False}, {"prompt": "Where?" * 60, "completion": "Here.", "label": True}]
    source = snapshot(tmp_path / "ratings.jsonl", [*rows, *again, "[]"])
    facts = tokenize(Config(128, 0.0), inputs, reading(tmp_path / "shards", source))
    assert (facts["good"], facts["bad"], facts["failures"], facts["train_examples"]) == (6, 4, 3, 10)
    reasons = (tmp_path / "shards/failures.jsonl").read_text()
    assert "ratings.jsonl:2 says the opposite of the same answer" in reasons
    assert "a row holds 128" in reasons
    codec, known = Codec.load(tmp_path / "tokenizer"), read_ratings(tmp_path / "shards")
    for number, row in enumerate(rows):
        talk = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
        ids = render(talk, codec).ids
        end = len(ids) - ids[::-1].index(codec.end_of_turn)
        assert known[rating_key(ids[:end])] is (number % 3 > 0)
    assert "⟦Here." in (tmp_path / "shards/masked.txt").read_text()


def test_what_teaches_little_is_told(inputs: dict[str, Artifact], tmp_path: Path) -> None:
    told = Told()
    rows = [{**GOOD, "prompt": f"Where is {n}? " * 9} for n in range(3)]
    tokenize(Config(96, 0.0), inputs, reading(tmp_path / "shards", snapshot(tmp_path / "r.jsonl", rows), told))
    only, alone = (each["text"] for each in told.of("warning"))
    assert "all answers are good" in only
    assert "should hold several" in alone
    with pytest.raises(InputError, match="have no ratings"):
        read_ratings(tmp_path)
