from __future__ import annotations

import math

import pytest
import torch

from ingot.model.config import ModelConfig, RopeScaling
from ingot.model.rope import Rotation, attention_factor, frequencies

CONFIG = ModelConfig(vocabulary=32, width=16, layers=1, heads=2, kv_heads=1, head_width=6, ffn_width=24)
CPU = torch.device("cpu")


def scaled(kind: str, head_width: int = 64, **settings: float) -> ModelConfig:
    # The kind and settings come from the parameters, of several types.
    scaling = RopeScaling(kind, factor=8.0, original_context=4096, **settings)  # type: ignore[arg-type]
    return ModelConfig(32, 16, 1, 2, 1, head_width, 24, rope_scaling=scaling, context=32_768)


def test_rotation_turns_pairs_half_a_head_apart() -> None:
    x = torch.randn(1, 4, 1, 6, generator=torch.Generator().manual_seed(0))
    turned = Rotation(CONFIG, start=3, tokens=4, device=x.device)(x)
    for t in range(4):
        for i in range(3):
            angle = (3 + t) / CONFIG.rope_theta ** (2 * i / 6)
            low, high = float(x[0, t, 0, i]), float(x[0, t, 0, i + 3])
            assert math.isclose(
                turned[0, t, 0, i], low * math.cos(angle) - high * math.sin(angle), rel_tol=1e-4, abs_tol=1e-6
            )
            assert math.isclose(
                turned[0, t, 0, i + 3], high * math.cos(angle) + low * math.sin(angle), rel_tol=1e-4, abs_tol=1e-6
            )


def test_rotated_products_depend_on_distance_alone() -> None:
    q, k = torch.randn(2, 1, 1, 1, 6, generator=torch.Generator().manual_seed(0)).unbind(0)
    near = Rotation(CONFIG, 5, 1, q.device)(q).mul(Rotation(CONFIG, 2, 1, q.device)(k)).sum()
    far = Rotation(CONFIG, 105, 1, q.device)(q).mul(Rotation(CONFIG, 102, 1, q.device)(k)).sum()
    torch.testing.assert_close(near, far, rtol=1e-4, atol=1e-5)


def test_linear_scaling_reads_a_position_as_one_nearer() -> None:
    plain = ModelConfig(32, 16, 1, 2, 1, 64, 24)
    torch.testing.assert_close(
        Rotation(scaled("linear"), 800, 1, CPU).cosine, Rotation(plain, 100, 1, CPU).cosine, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(("kind", "fast"), [("yarn", 32.0), ("llama3", 4.0)])
def test_fast_pairs_keep_their_pace_and_slow_ones_take_a_factor_less(kind: str, fast: float) -> None:
    config = scaled(kind, fast_turns=fast)
    before = frequencies(ModelConfig(32, 16, 1, 2, 1, 64, 24), CPU)
    after = frequencies(config, CPU)
    turns = 4096 * before / (2 * math.pi)
    torch.testing.assert_close(after[turns > 1.5 * fast], before[turns > 1.5 * fast])
    torch.testing.assert_close(after[turns < 0.7], before[turns < 0.7] / 8)
    between = (turns < 0.7 * fast) & (turns > 1.5)
    assert bool((after[between] < before[between]).all())
    assert bool((after[between] > before[between] / 8).all())


def test_yarn_sharpens_attention_with_the_factor() -> None:
    assert attention_factor(None) == 1
    assert attention_factor(RopeScaling("linear", 8.0)) == 1
    assert math.isclose(attention_factor(RopeScaling("yarn", 8.0, 4096)), 0.1 * math.log(8) + 1)
    assert attention_factor(RopeScaling("yarn", 8.0, 4096, attention_factor=1.5)) == 1.5
    rotation = Rotation(scaled("yarn"), 0, 1, CPU)
    torch.testing.assert_close(rotation.cosine, torch.full_like(rotation.cosine, 0.1 * math.log(8) + 1))
