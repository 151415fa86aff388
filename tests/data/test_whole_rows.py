"""No example is cut, whatever the order of windows; what a row has left is filled, and little of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from ingot.core.errors import InputError
from ingot.data.shards import Shards
from ingot.data.stream import IGNORED, Stream
from ingot.data.whole_rows import Example, Piece, refuse_parts, write_rows
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

ROW = 24


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    write(learn(["some words to learn from " * 20], 320), folder)
    return folder


def test_rows_hold_whole_examples_in_every_epoch(tokenizer: Path, tmp_path: Path) -> None:
    codec, chooses = Codec.load(tokenizer), random.Random(0)
    sizes = [chooses.randrange(1, ROW - 1) for _ in range(100)]

    def examples() -> Iterator[tuple[str, Example]]:
        for number, size in enumerate(sizes):
            ids = [codec.bos, *[100 + number] * (size - 1), codec.eos]
            yield "held_out" if number % 10 == 0 else "train", [Piece(f"doc {number}", size, ids)]

    counted = write_rows(examples, codec, tokenizer, tmp_path / "shards", ROW)
    assert counted["train"].examples == 90
    assert counted["train"].filling < 0.1 * counted["train"].tokens
    stream = Stream(Shards.open(tmp_path / "shards", "train"), 1, ROW, seed=3)
    rows = counted["train"].tokens // ROW
    for epoch in range(2):
        seen = []
        for step in range(epoch * rows, (epoch + 1) * rows):
            batch = stream.batch(step)
            refuse_parts(torch.from_numpy(batch.tokens[:, 0]), codec.bos)
            tokens = batch.tokens[0]
            assert (tokens == codec.bos).sum() == (tokens == codec.eos).sum() == batch.segments[0, -1] + 1
            assert batch.targets[0][-1] == IGNORED or tokens[-1] == codec.pad
            seen += stream.documents(step)
        assert sorted(seen) == sorted(f"doc {number}" for number in range(100) if number % 10)
    other = Stream(Shards.open(tmp_path / "shards", "train"), 4, ROW - 1, seed=3)
    with pytest.raises(InputError, match="whole examples") as raised:
        refuse_parts(torch.from_numpy(np.concatenate([other.batch(step).tokens[:, 0] for step in range(3)])), codec.bos)
    assert "row_tokens" in raised.value.fix
