from __future__ import annotations

import math

import torch

from ingot.model.config import ModelConfig
from ingot.model.layers import FeedForward, Norm, Projection, Rotation

CONFIG = ModelConfig(vocabulary=32, width=16, layers=1, heads=2, kv_heads=1, head_width=6, ffn_width=24)


def test_norm_is_the_textbook_formula() -> None:
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    norm = Norm(5, 1e-6)
    with torch.no_grad():
        norm.weight.copy_(torch.arange(1.0, 6.0))
    expected = x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * torch.arange(1.0, 6.0)
    torch.testing.assert_close(norm(x), expected)


def test_norm_of_bf16_computes_in_float32() -> None:
    x = torch.full((1, 4096), 0.01, dtype=torch.bfloat16)
    y = Norm(4096, 0.0)(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), torch.ones(1, 4096))  # a bf16 sum of 4096 squares would stop early


def test_projection_keeps_its_weight_in_float32_and_works_in_the_dtype_of_its_input() -> None:
    projection = Projection(8, 4)
    y = projection(torch.randn(2, 8, dtype=torch.bfloat16))
    y.sum().backward()
    assert y.dtype == torch.bfloat16
    assert projection.weight.dtype == torch.float32
    assert projection.weight.grad is not None
    assert projection.weight.grad.dtype == torch.float32


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


def test_feed_forward_gates_one_projection_with_the_other() -> None:
    layer = FeedForward(CONFIG)
    x = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    gate, up = x @ layer.gate_proj.weight.T, x @ layer.up_proj.weight.T
    torch.testing.assert_close(layer(x), (gate * gate.sigmoid() * up) @ layer.down_proj.weight.T)
