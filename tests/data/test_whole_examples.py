from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.shards import Shards
from ingot.data.whole_examples import RowsConfig, Words, write_examples
from ingot.data.whole_rows import Example, Piece
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from tests.data.labelled import reading, snapshot
from tests.train.small import artifact

WORDS = Words("greeting", "to learn from", "write one greeting a line")


def frame(where: str, line: bytes, codec: Codec) -> tuple[Example, bytes]:
    text = json.loads(line)["say"]
    if text == "Go":
        raise InputError("that is no greeting")
    return [Piece(where, len(text), [codec.bos, *codec.encode(text), codec.eos])], text.encode()


def made(folder: Path, rows: list[str], config: RowsConfig) -> dict[str, object]:
    (folder / "tokenizer").mkdir(parents=True)
    write(learn(["Hello there. Good day. " * 20], 320), folder / "tokenizer")
    context = reading(folder / "shards", snapshot(folder / "rows.jsonl", [{"say": row} for row in rows]))
    return write_examples(frame, config, artifact("tokenizer", folder / "tokenizer"), context.sources, context, WORDS)


def test_lines_become_examples_and_a_bad_one_is_left_out_with_its_reason(tmp_path: Path) -> None:
    facts = made(tmp_path, [*(f"Hello {n}" for n in range(40)), "Go"], RowsConfig(32, 0.2))
    trained, kept = facts["train_examples"], facts["held_out_examples"]
    assert isinstance(kept, int)
    assert isinstance(trained, int)
    assert trained + kept == 40
    assert kept > 0
    assert facts["failures"] == 1
    assert "no greeting" in (tmp_path / "shards/failures.jsonl").read_text()
    assert len(Shards.open(tmp_path / "shards", "train")) == 1


def test_the_first_bad_line_ends_it_where_that_was_chosen(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a line is no greeting") as caught:
        made(tmp_path, ["Hello", "Go"], RowsConfig(32, 0.0, "refuse"))
    assert "rows.jsonl:2" in caught.value.where


def test_nothing_to_learn_from_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no greeting to learn from") as caught:
        made(tmp_path, ["Go"], RowsConfig(32, 0.0))
    assert "that is no greeting" in caught.value.why
    with pytest.raises(UsageError, match="row_tokens is 8"):
        RowsConfig(8)
