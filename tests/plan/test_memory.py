from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.model.config import ModelConfig
from ingot.model.presets import preset as published
from ingot.plan.memory import Work, training_memory
from ingot.plan.parallel import ParallelPlan
from ingot.plan.scaling import preset

SMALL = preset("256x6").model(8192, 512)
LARGE = published("400b-a32b").model
GIB = 1 << 30


def test_memory_covers_at_least_weights_gradients_and_moments() -> None:
    model = preset("512x8").model(16384, 512)
    found = training_memory(model, Work(1, 1, optimizer="adamw", is_saved=False))
    assert found.peak > model.parameters * 16
    assert found.tensors >= model.parameters * 16


def test_memory_grows_with_batch_and_length_and_not_with_pieces() -> None:
    small, wide, long = (training_memory(SMALL, Work(*shape)).peak for shape in ((4, 512), (16, 512), (4, 2048)))
    assert small < wide < long
    in_pieces = training_memory(SMALL, Work(16, 512, accumulate=4))
    assert small < in_pieces.peak < wide
    assert in_pieces.gradients > 0


def test_what_costs_memory_and_what_saves_it() -> None:
    usual = Work(8, 1024)
    peak = training_memory(SMALL, usual).peak
    assert training_memory(SMALL, replace(usual, precision="fp32")).peak > peak
    assert training_memory(SMALL, replace(usual, has_average=True)).peak > peak
    assert training_memory(SMALL, replace(usual, is_saved=False)).peak < peak
    assert training_memory(SMALL, replace(usual, is_recomputed=True)).peak < peak
    assert training_memory(SMALL, replace(usual, optimizer="adamw")).moments > training_memory(SMALL, usual).moments


def test_a_window_keeps_fewer_odds() -> None:
    long = preset("256x6").model(8192, 4096)
    through = replace(long, sliding_window=512)
    assert training_memory(through, Work(1, 4096)).activations < training_memory(long, Work(1, 4096)).activations


def test_all_experts_are_kept_and_only_those_of_a_token_computed() -> None:
    dense = ModelConfig(8192, width=256, layers=4, heads=4, kv_heads=2, head_width=64, ffn_width=704)
    mixture = replace(dense, experts=8, experts_per_token=2, expert_ffn_width=352)
    one, other = (training_memory(model, Work(8, 512)) for model in (dense, mixture))
    assert other.weights == 4 * mixture.parameters > 2 * one.weights
    assert other.activations < 2 * one.activations


@pytest.mark.parametrize(
    ("plan", "share"),
    [
        (ParallelPlan(shard=8), 8),
        (ParallelPlan(shard=4, tensor=2), 8),
        (ParallelPlan(data=8), 1),
        (ParallelPlan(data=2, shard=4), 4),
    ],
)
def test_weights_and_moments_are_shared_as_the_plan_says(plan: ParallelPlan, share: int) -> None:
    model = preset("512x8").model(16384, 512)
    alone, divided = training_memory(model, Work(64, 512)), training_memory(model, Work(64, 512), plan)
    assert divided.weights == pytest.approx(alone.weights / share, rel=1e-3)
    assert divided.moments == pytest.approx(alone.moments / share, rel=1e-3)
    assert divided.activations < alone.activations


def test_a_large_mixture_fits_on_a_thousand_devices_and_not_on_sixteen() -> None:
    work = Work(1024, 4096, optimizer="adamw", is_recomputed=True, is_gpu=True)
    thousand = training_memory(LARGE, work, ParallelPlan(shard=1024, expert=128)).peak
    sixteen = training_memory(LARGE, work, ParallelPlan(shard=16, expert=16)).peak
    assert thousand < 80 * GIB < 141 * GIB < sixteen


def test_a_demo_fits_a_small_laptop() -> None:
    assert training_memory(SMALL, Work(4, 512)).peak < 2e9
