"""Prompts are found in rows as they were written, without what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from ingot.core.errors import InputError
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.flow.artifact import Artifact
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from ingot.train.objective import TensorBatch, pieces
from ingot.train.prompts import prompts_in
from tests.train.sums import ROW, SUMS


@pytest.fixture
def codec(sums: Mapping[str, Artifact]) -> Codec:
    return Codec.load(sums["tokenizer"].path)


@pytest.fixture
def batches(sums: Mapping[str, Artifact]) -> list[TensorBatch]:
    stream = Stream(Shards.open(sums["shards"].path, "train"), 1, ROW, 0)
    return [next(pieces(stream.batch(step), 1, torch.device("cpu"))) for step in range(64)]


def test_every_prompt_is_found_with_its_answer_cut_off(codec: Codec, batches: list[TensorBatch]) -> None:
    found = {each.ids: each.expected for batch in batches for each in prompts_in(batch, codec)}
    opened = {
        tuple(render([{"role": "user", "content": f"{a}+{b}="}], codec, add_generation_prompt=True).ids): str(a + b)
        for a, b in SUMS
    }
    assert found == opened


def test_rows_that_hold_something_else_are_refused(codec: Codec, batches: list[TensorBatch]) -> None:
    batch = batches[0]
    half = TensorBatch(*(each[:, 3:] for each in (batch.tokens_BT, batch.targets_BT, batch.segments_BT)))
    with pytest.raises(InputError, match="whole examples"):
        prompts_in(half, codec)
    text = torch.full_like(batch.tokens_BT, codec.encode("1")[0])
    text[:, 0] = codec.bos
    with pytest.raises(InputError, match="whole prompts"):
        prompts_in(replace(batch, tokens_BT=text), codec)
