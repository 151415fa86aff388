from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ingot.model.attention import BLOCK, _library, _library_by_block, attend, block_mask

# rows, tokens, query heads, key heads, head width: equal heads, shared heads, ragged last block, less than a block
SHAPES = [(2, 2 * BLOCK, 2, 2, 16), (2, 2 * BLOCK + 37, 4, 2, 16), (3, 50, 3, 1, 12), (1, 1, 2, 1, 8)]


def draw(rows: int, tokens: int, heads: int, key_heads: int, width: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(tokens)
    shapes = [(rows, h, tokens, width) for h in (heads, key_heads, key_heads)]
    return [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]


def documents(rows: int, tokens: int) -> Tensor:
    """Documents of uneven lengths behind one another, different in every row."""
    generator = torch.Generator().manual_seed(rows * tokens)
    starts = torch.rand(rows, tokens, generator=generator) < 4 / tokens
    return starts.int().cumsum(1, dtype=torch.int32)


def one_token_at_a_time(q: Tensor, k: Tensor, v: Tensor, segments: Tensor | None) -> Tensor:
    """Attention as its definition reads, in float64."""
    rows, heads, tokens, width = q.shape
    group = heads // k.size(1)
    y = torch.zeros(q.shape, dtype=torch.float64)
    for b in range(rows):
        for t in range(tokens):
            open_keys = [s for s in range(t + 1) if segments is None or segments[b, s] == segments[b, t]]
            for n in range(heads):
                keys, values = k[b, n // group, open_keys].double(), v[b, n // group, open_keys].double()
                y[b, n, t] = torch.softmax(keys @ q[b, n, t].double() / width**0.5, 0) @ values
    return y


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("shape", [(2, 150, 2, 1, 8), (2, 40, 2, 2, 8)])
def test_blocks_compute_what_the_definition_says(shape: tuple[int, ...], is_packed: bool) -> None:
    with torch.no_grad():
        q, k, v = draw(*shape)
        segments = documents(*shape[:2]) if is_packed else None
        y = attend(q, k, v, block_mask(shape[1], shape[1], segments, q))
        torch.testing.assert_close(y.double(), one_token_at_a_time(q, k, v, segments), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_output_and_gradients_equal_the_library_kernel(shape: tuple[int, ...], is_packed: bool) -> None:
    q, k, v = draw(*shape)
    segments = documents(*shape[:2]) if is_packed else None
    upstream = torch.randn(q.shape, generator=torch.Generator().manual_seed(1))
    y = attend(q, k, v, block_mask(shape[1], shape[1], segments, q))
    gradients = torch.autograd.grad(y, (q, k, v), upstream)
    expected = _library(q, k, v, segments)
    expected_gradients = torch.autograd.grad(expected, (q, k, v), upstream)
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    for found, wanted in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_gradients_agree_with_finite_differences() -> None:
    q, k, v = (x.detach().double().requires_grad_() for x in draw(1, 6, 2, 1, 4))
    segments = torch.tensor([[0, 0, 0, 1, 1, 1]], dtype=torch.int32)
    mask = block_mask(6, 6, segments, q)
    assert torch.autograd.gradcheck(lambda *x: attend(*x, mask), (q, k, v))


def test_bf16_stays_within_its_rounding() -> None:
    q, k, v = draw(2, 200, 4, 2, 16)
    segments = documents(2, 200)
    exact = attend(q, k, v, block_mask(200, 200, segments, q))
    half = [x.bfloat16() for x in (q, k, v)]
    rounded = attend(half[0], half[1], half[2], block_mask(200, 200, segments, half[0]))
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - exact).abs().max() < 0.05


def test_later_queries_of_a_cache_meet_all_earlier_keys() -> None:
    with torch.no_grad():
        q, k, v = draw(2, 300, 4, 2, 8)
        whole = attend(q, k, v, block_mask(300, 300, None, q))
        for queries in (1, 5, 170):
            tail = q[:, :, -queries:]
            y = attend(tail, k, v, block_mask(queries, 300, None, tail))
            torch.testing.assert_close(y, whole[:, :, -queries:], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(y, _library(tail, k, v, None), rtol=1e-4, atol=1e-5)


def test_keys_of_finished_documents_are_never_read() -> None:
    segments = (torch.arange(3 * BLOCK) // BLOCK)[None]
    blocks = block_mask(3 * BLOCK, 3 * BLOCK, segments, torch.zeros(1)).blocks
    assert [(block.start, block.end) for block in blocks] == [(0, BLOCK), (BLOCK, 2 * BLOCK), (2 * BLOCK, 3 * BLOCK)]


def test_a_document_is_blind_to_its_neighbour() -> None:
    q, k, v = draw(1, 30, 2, 1, 8)
    segments = torch.cat((torch.zeros(1, 20), torch.ones(1, 10)), 1)
    upstream = F.pad(torch.randn(1, 2, 10, 8), (0, 0, 20, 0))
    gradients = torch.autograd.grad(attend(q, k, v, block_mask(30, 30, segments, q)), (k, v), upstream)
    assert all(bool((gradient[:, :, :20] == 0).all()) for gradient in gradients)


def windowed(q: Tensor, k: Tensor, v: Tensor, segments: Tensor | None, window: int) -> Tensor:
    """Attention through a window as its definition reads: the library's, with every closed key masked by hand."""
    tokens, keys = q.size(2), k.size(2)
    distance = torch.arange(keys - tokens, keys)[:, None] - torch.arange(keys)
    is_open = ((distance >= 0) & (distance < window))[None, None]
    if segments is not None:
        is_open = is_open & (segments[:, None, :, None] == segments[:, None, None, :])
    return F.scaled_dot_product_attention(q, k, v, attn_mask=is_open, enable_gqa=True)


@pytest.mark.parametrize("window", [1, 5, BLOCK, BLOCK + 1, 200, 10_000])
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_window_closes_what_lies_further_back(shape: tuple[int, ...], is_packed: bool, window: int) -> None:
    q, k, v = draw(*shape)
    segments = documents(*shape[:2]) if is_packed else None
    upstream = torch.randn(q.shape, generator=torch.Generator().manual_seed(1))
    mask = block_mask(shape[1], shape[1], segments, q, window)
    expected = windowed(q, k, v, segments, window)
    expected_gradients = torch.autograd.grad(expected, (q, k, v), upstream)
    ways = {"on a processor": attend(q, k, v, mask), "on an accelerator": _library_by_block(q, k, v, mask.blocks)}
    for way, y in ways.items():
        gradients = torch.autograd.grad(y, (q, k, v), upstream)
        torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5, msg=way)
        for found, wanted in zip(gradients, expected_gradients, strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5, msg=way)


@pytest.mark.parametrize("queries", [1, 5, 170])
def test_later_queries_of_a_cache_meet_the_keys_of_their_window(queries: int) -> None:
    with torch.no_grad():
        q, k, v = draw(2, 300, 4, 2, 8)
        tail = q[:, :, -queries:]
        y = attend(tail, k, v, block_mask(queries, 300, None, tail, 40))
        torch.testing.assert_close(y, windowed(tail, k, v, None, 40), rtol=1e-4, atol=1e-5)


def test_a_window_costs_less_and_its_blocks_share_one_bias() -> None:
    like = torch.zeros(1)
    whole = block_mask(32 * BLOCK, 32 * BLOCK, None, like).blocks
    seen = block_mask(32 * BLOCK, 32 * BLOCK, None, like, BLOCK).blocks
    assert sum(block.end - block.start for block in seen) < sum(block.end - block.start for block in whole) / 8
    assert len({block.bias_BTP.data_ptr() for block in seen}) == 2  # the first block's and everybody else's
    assert {block.bias_BTP.shape for block in whole} == {(1, BLOCK, BLOCK)}
    assert len({block.bias_BTP.data_ptr() for block in whole}) == 1
    assert block_mask(64, 64, None, like, 64).blocks[0].start == block_mask(64, 64, None, like).blocks[0].start == 0
