"""A decoder with another vocabulary knows what it knew."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F

from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.model.embedding import with_vocabulary
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import extend, learn
from ingot.tokenizer.transfer import transfer

CONFIG = ModelConfig(
    vocabulary=512, width=64, layers=2, heads=2, kv_heads=1, head_width=32, ffn_width=128, has_qk_norm=True, context=256
)
TRAINING = inspect.getsource(ast) + inspect.getsource(re) + inspect.getsource(json.decoder)
UNSEEN = inspect.getsource(json.encoder)
LENGTH = 128

Matrix = npt.NDArray[np.float32]


def rows(ids: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    count = (len(ids) - 1) // LENGTH
    whole = torch.tensor(ids[: count * LENGTH + 1])
    return whole[:-1].view(-1, LENGTH), whole[1:].view(-1, LENGTH)


def loss(decoder: Decoder, inputs: torch.Tensor, targets: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    logits = decoder.logits(decoder(inputs))
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction=reduction)


def nats_per_byte(decoder: Decoder, codec: Codec) -> float:
    inputs, targets = rows(codec.encode(UNSEEN))
    with torch.no_grad():
        total = float(loss(decoder, inputs, targets, "sum"))
    return total / len(codec.decode(targets.flatten().tolist()).encode())


def train(decoder: Decoder, codec: Codec, steps: int, rate: float) -> None:
    inputs, targets = rows(codec.encode(TRAINING))
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=rate)
    for step in range(steps):
        some = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(step))[:8]
        optimizer.zero_grad()
        # torch publishes it without types.
        loss(decoder, inputs[some], targets[some]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@pytest.fixture(scope="module")
def trained() -> tuple[Decoder, Codec]:
    """Train for a few seconds: enough to know words from noise."""
    codec = Codec(learn([TRAINING], CONFIG.vocabulary))
    torch.manual_seed(0)
    decoder = Decoder(CONFIG)
    train(decoder, codec, steps=160, rate=3e-3)
    return decoder, codec


@pytest.mark.slow
def test_rows_made_from_the_old_ones_lose_less_than_random_ones(trained: tuple[Decoder, Codec]) -> None:
    decoder, codec = trained
    extended = Codec(extend(codec.tokenizer, [TRAINING], 1024))
    plan = transfer(codec.tokenizer, extended.tokenizer)

    def drawn(matrix: Matrix, spread: float) -> Matrix:
        random = np.random.default_rng(0).normal(scale=spread, size=(1024, matrix.shape[1])).astype(np.float32)
        random[: len(matrix)] = matrix
        return random

    moved = with_vocabulary(decoder, plan.rows)
    alike = with_vocabulary(decoder, lambda matrix: drawn(matrix, float(matrix.std())))
    small = with_vocabulary(decoder, lambda matrix: drawn(matrix, 0.02))  # what a new decoder begins with
    assert moved.config.vocabulary == extended.vocabulary == 1024
    # At once, they lose less than rows of the size trained rows have; small rows say nothing, so they cost little...
    assert nats_per_byte(moved, extended) < 0.95 * nats_per_byte(alike, extended)
    # ...until they have to be learned.
    for one in (moved, small):
        train(one, extended, steps=40, rate=1e-3)
    assert nats_per_byte(moved, extended) < 0.99 * nats_per_byte(small, extended)
    assert nats_per_byte(moved, extended) < nats_per_byte(decoder, codec)


@pytest.mark.parametrize("is_tied", [True, False])
def test_text_without_new_tokens_is_read_as_before(is_tied: bool) -> None:
    codec = Codec(learn([TRAINING], CONFIG.vocabulary))
    decoder = Decoder(replace(CONFIG, has_tied_embeddings=is_tied))
    extended = extend(codec.tokenizer, [TRAINING], 1024)
    moved = with_vocabulary(decoder, transfer(codec.tokenizer, extended).rows)
    assert moved.config == replace(decoder.config, vocabulary=1024)
    ids = torch.tensor([codec.encode(UNSEEN)[:100]])
    with torch.no_grad():
        assert torch.equal(moved(ids), decoder(ids))
        assert torch.equal(moved.logits(moved(ids))[..., : codec.vocabulary], decoder.logits(decoder(ids)))


def test_the_old_decoder_is_left_alone() -> None:
    decoder = Decoder(CONFIG)
    before = {name: tensor.clone() for name, tensor in decoder.state_dict().items()}
    moved = with_vocabulary(decoder, lambda matrix: matrix[:320])
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.zero_()
    assert moved.config.vocabulary == 320
    assert all(torch.equal(before[name], tensor) for name, tensor in decoder.state_dict().items())
