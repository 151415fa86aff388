from __future__ import annotations

import torch

from ingot.model.layers import FeedForward, Norm, Projection, Table, undrawn


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


def test_feed_forward_gates_one_projection_with_the_other() -> None:
    layer = FeedForward(16, 24)
    x = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    gate, up = x @ layer.gate_proj.weight.T, x @ layer.up_proj.weight.T
    torch.testing.assert_close(layer(x), (gate * gate.sigmoid() * up) @ layer.down_proj.weight.T)


def test_what_is_read_from_a_file_anyhow_is_not_drawn() -> None:
    before = torch.get_rng_state()
    with undrawn():
        Projection(4, 3), Table(5, 4)
    assert torch.equal(torch.get_rng_state(), before)
    Projection(4, 3)
    assert not torch.equal(torch.get_rng_state(), before)
