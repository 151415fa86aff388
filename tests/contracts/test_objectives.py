"""Every objective, unlisted, can drive the trainer: a differentiable sum over a count, the same for the same batch."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import pytest
import torch

from ingot.core.config import load, schema
from ingot.core.plugins import Plugin, names
from ingot.core.plugins import load as load_plugin
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.train.objective import Objective, TensorBatch

CONFIG = ModelConfig(vocabulary=64, width=32, layers=2, heads=4, kv_heads=2, head_width=8, ffn_width=48)


@pytest.fixture(params=names("objective"))
def plugin(request: pytest.FixtureRequest) -> Plugin:
    return load_plugin("objective", request.param)


@pytest.fixture
def objective(plugin: Plugin) -> Objective:
    return partial(plugin.entry, config=load(plugin.config_type, {}, plugin.name))


@pytest.fixture
def decoder() -> Decoder:
    torch.manual_seed(0)
    return Decoder(CONFIG)


def batch(rows: int = 4) -> TensorBatch:
    ids = torch.randint(64, (rows, 21), generator=torch.Generator().manual_seed(rows))
    segments = (torch.arange(20) // 11).int().expand(rows, 20)
    return TensorBatch(ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), segments)


def part(whole: TensorBatch, rows: slice) -> TensorBatch:
    return TensorBatch(whole.tokens_BT[rows], whole.targets_BT[rows], whole.segments_BT[rows])


def test_its_settings_have_defaults_and_a_schema(plugin: Plugin) -> None:
    assert dataclasses.is_dataclass(plugin.config_type)
    assert schema(plugin.config_type)["type"] == "object"
    assert plugin.summary


def test_it_returns_one_number_and_a_count(objective: Objective, decoder: Decoder) -> None:
    loss = objective(decoder, batch())
    assert loss.total.shape == ()
    assert loss.total.dtype == torch.float32
    assert torch.isfinite(loss.total)
    assert loss.count > 0


def test_its_gradient_reaches_every_weight(objective: Objective, decoder: Decoder) -> None:
    total: Any = objective(decoder, batch()).total
    total.backward()
    unreached = [n for n, p in decoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert unreached == []


def test_it_is_a_sum_over_rows(objective: Objective, decoder: Decoder) -> None:
    whole = objective(decoder, batch())
    halves = [objective(decoder, part(batch(), rows)) for rows in (slice(0, 2), slice(2, 4))]
    assert whole.count == sum(half.count for half in halves)
    torch.testing.assert_close(whole.total, halves[0].total + halves[1].total)
    for name in whole.metrics:
        assert whole.metrics[name] == pytest.approx(sum(half.metrics[name] for half in halves))


def test_the_same_batch_gives_the_same_loss_and_is_left_alone(objective: Objective, decoder: Decoder) -> None:
    given = batch()
    first, second = objective(decoder, given), objective(decoder, given)
    assert torch.equal(first.total, second.total)
    assert torch.equal(given.tokens_BT, batch().tokens_BT)
    assert torch.equal(given.targets_BT, batch().targets_BT)
