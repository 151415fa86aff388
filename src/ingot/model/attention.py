"""Causal attention, block by block on a processor, isolated by document, with shared key heads and sliding windows.

A processor gains nothing from the library kernel in bf16 and pays for the masked half of the square. So queries go in
blocks of 128: each block meets only the keys between the first document it touches and its own end, and all query heads
that share a key head go through one batched product. On one Zen 4 core that takes 0.4 times the library kernel's
processor time, forward and backward, at 4 x 512 tokens of 4 heads of 64; accelerators take the library's kernel.
Through a window a block meets no key before the window of its first query, so cost grows with T x window; accelerators
then go in blocks too, as long as the window.
Softmax computes in float32 inside its kernel. Probabilities are kept for the backward pass: in bf16, heads x T x T
bytes per row and layer.

Shapes: B rows, T queries, S keys (S >= T; the queries are the last T of them), N query heads, K key heads, G = N / K,
H head width; inside a block: R = B x K, Q = G x queries of the block, P keys it meets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 128
KEYS_TOGETHER = 64


@dataclass(frozen=True)
class Block:
    """Queries `first` to `last` meet keys `start` to `end`.

    `bias_BTP` is 0 where they may and -inf where not, for the last P of these keys; all may meet the ones before.
    """

    first: int
    last: int
    start: int
    end: int
    bias_BTP: Tensor


@dataclass(frozen=True)
class BlockMask:
    """What may attend to what in one forward pass; made once, used by every layer."""

    blocks: tuple[Block, ...]
    segments_BS: Tensor | None


def block_mask(
    queries: int, keys: int, segments_BT: Tensor | None, like: Tensor, window: int | None = None
) -> BlockMask:
    """Return the mask of one pass: causal, and inside one document where `segments_BT` says whose each token is.

    With a window, a token meets the last `window` tokens only, itself included. `like` is any tensor of the pass, for
    its device and dtype. There are blocks on a processor, and for windows; elsewhere the library masks by itself.
    """
    assert segments_BT is None or queries == keys, "documents are isolated when training, not while generating"
    window = None if window is None or window >= keys else window
    if like.device.type == "cpu":
        return _blocks(queries, keys, segments_BT, like, window, BLOCK)
    if window is None:
        return BlockMask((), segments_BT)
    return _blocks(queries, keys, segments_BT, like, window, max(window, BLOCK))


def _blocks(
    queries: int, keys: int, segments_BT: Tensor | None, like: Tensor, window: int | None, size: int
) -> BlockMask:
    firsts = range(0, queries, size)
    blocks = [_block(first, min(first + size, queries), keys - queries, segments_BT, like, window) for first in firsts]
    # Without documents nearly all blocks have one and the same bias: they keep one.
    kept: dict[tuple[int, ...], Tensor] = {}
    if segments_BT is None:
        blocks = [replace(block, bias_BTP=kept.setdefault(block.bias_BTP.shape, block.bias_BTP)) for block in blocks]
    return BlockMask(tuple(blocks), segments_BT)


def _block(first: int, last: int, offset: int, segments_BT: Tensor | None, like: Tensor, window: int | None) -> Block:
    end = offset + last
    start = 0 if window is None else max(0, offset + first - window + 1)
    queries_T = torch.arange(offset + first, end, device=like.device)[:, None]
    if segments_BT is not None and like.device.type == "cpu":  # an accelerator would have to be waited for
        queries_BT = segments_BT[:, first:last]
        # Documents lie one behind another, so nothing before the first token of the oldest one here can be met.
        start = max(start, int((segments_BT == queries_BT[:, :1]).int().argmax(dim=1).min()))
        # The library makes code for every number of keys it has not met: a few more, closed ones, cost less.
        start -= start % KEYS_TOGETHER
    # Neither a document nor a window closes keys before the first query: only what follows each query is closed.
    is_only_causal = segments_BT is None and window is None
    keys_P = torch.arange(offset + first if is_only_causal else start, end, device=like.device)
    is_open = keys_P <= queries_T
    if window is not None:
        is_open = is_open & (keys_P > queries_T - window)
    if segments_BT is not None:
        is_open = is_open[None] & (segments_BT[:, first:last, None] == segments_BT[:, None, start:end])
    bias = torch.zeros(is_open.shape, dtype=like.dtype, device=like.device).masked_fill_(~is_open, float("-inf"))
    return Block(first, last, start, end, bias if bias.ndim == 3 else bias[None])


def attend(q_BNTH: Tensor, k_BKSH: Tensor, v_BKSH: Tensor, mask: BlockMask) -> Tensor:
    """Return what each query gathers, [B, N, T, H]; scores are scaled by 1 / sqrt(H)."""
    if not mask.blocks:
        return _library(q_BNTH, k_BKSH, v_BKSH, mask.segments_BS)
    if q_BNTH.device.type != "cpu":
        return _library_by_block(q_BNTH, k_BKSH, v_BKSH, mask.blocks)
    # torch publishes Function.apply without types.
    y_BNTH: Tensor = _Blockwise.apply(q_BNTH, k_BKSH, v_BKSH, mask.blocks)  # type: ignore[no-untyped-call]
    return y_BNTH


def _library(q_BNTH: Tensor, k_BKSH: Tensor, v_BKSH: Tensor, segments_BS: Tensor | None) -> Tensor:
    queries, keys = q_BNTH.size(2), k_BKSH.size(2)
    is_shared = q_BNTH.size(1) != k_BKSH.size(1)
    if segments_BS is None and queries == keys:
        return F.scaled_dot_product_attention(q_BNTH, k_BKSH, v_BKSH, is_causal=True, enable_gqa=is_shared)
    is_open = torch.ones(queries, keys, dtype=torch.bool, device=q_BNTH.device).tril(keys - queries)[None, None]
    if segments_BS is not None:
        is_open = is_open & (segments_BS[:, None, :, None] == segments_BS[:, None, None, :])
    return F.scaled_dot_product_attention(q_BNTH, k_BKSH, v_BKSH, attn_mask=is_open, enable_gqa=is_shared)


def _library_by_block(q_BNTH: Tensor, k_BKSH: Tensor, v_BKSH: Tensor, blocks: Sequence[Block]) -> Tensor:
    parts = []
    for block in blocks:
        k_BKPH, v_BKPH = k_BKSH[:, :, block.start : block.end], v_BKSH[:, :, block.start : block.end]
        bias_BNTP = F.pad(block.bias_BTP, (k_BKPH.size(2) - block.bias_BTP.size(-1), 0))[:, None]
        q_BNQH, is_shared = q_BNTH[:, :, block.first : block.last], q_BNTH.size(1) != k_BKSH.size(1)
        parts.append(F.scaled_dot_product_attention(q_BNQH, k_BKPH, v_BKPH, attn_mask=bias_BNTP, enable_gqa=is_shared))
    return torch.cat(parts, dim=2)


class _Blockwise(torch.autograd.Function):
    """Attention over the blocks of a mask, with its own backward pass.

    With P = softmax(QK') and dP = dY V': dV = P'dY, dS = P * (dP - rowsum(P * dP)), dQ = dS K, dK = dS'Q.
    """

    @staticmethod
    def forward(ctx: Any, q_BNTH: Tensor, k_BKSH: Tensor, v_BKSH: Tensor, blocks: Sequence[Block]) -> Tensor:
        rows, _, queries, head_width = q_BNTH.shape
        key_heads, keys = k_BKSH.shape[1:3]
        q_RGTH = (q_BNTH * head_width**-0.5).reshape(rows * key_heads, -1, queries, head_width)
        k_RSH = k_BKSH.reshape(-1, keys, head_width)
        v_RSH = v_BKSH.reshape(-1, keys, head_width)
        y_RGTH = torch.empty_like(q_RGTH)
        probabilities = []
        for block in blocks:
            q_RQH = _queries(q_RGTH, block)
            scores_RQP = torch.bmm(q_RQH, k_RSH[:, block.start : block.end].mT)
            by_head = scores_RQP.view(rows, -1, block.last - block.first, block.end - block.start)
            by_head[..., -block.bias_BTP.size(-1) :].add_(block.bias_BTP[:, None])
            p_RQP = torch.softmax(scores_RQP, dim=-1)
            y_RQH = torch.bmm(p_RQP, v_RSH[:, block.start : block.end])
            y_RGTH[:, :, block.first : block.last] = y_RQH.view_as(y_RGTH[:, :, block.first : block.last])
            if any(ctx.needs_input_grad):
                probabilities.append(p_RQP)
        ctx.blocks = blocks
        ctx.save_for_backward(q_RGTH, k_RSH, v_RSH, *probabilities)
        return y_RGTH.view(q_BNTH.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        q_RGTH, k_RSH, v_RSH, *probabilities = ctx.saved_tensors
        dy_BNTH = gradients[0]
        dy_RGTH = dy_BNTH.reshape(q_RGTH.shape)
        dq_RGTH = torch.empty_like(q_RGTH)
        # Every block adds to the keys before it: float32 sums do not drown the small ones.
        dk_RSH = torch.zeros_like(k_RSH, dtype=torch.float32)
        dv_RSH = torch.zeros_like(v_RSH, dtype=torch.float32)
        for block, p_RQP in zip(ctx.blocks, probabilities, strict=True):
            span = slice(block.start, block.end)
            dy_RQH = _queries(dy_RGTH, block)
            dv_RSH[:, span] += torch.bmm(p_RQP.mT, dy_RQH)
            dp_RQP = torch.bmm(dy_RQH, v_RSH[:, span].mT)
            ds_RQP = torch._softmax_backward_data(dp_RQP, p_RQP, -1, p_RQP.dtype)
            dk_RSH[:, span] += torch.bmm(ds_RQP.mT, _queries(q_RGTH, block))
            dq_RQH = torch.bmm(ds_RQP, k_RSH[:, span])
            dq_RGTH[:, :, block.first : block.last] = dq_RQH.view_as(dq_RGTH[:, :, block.first : block.last])
        dq_RGTH *= q_RGTH.size(-1) ** -0.5
        rows, queries, keys = dy_BNTH.size(0), dy_BNTH.size(2), k_RSH.size(1)
        dk_BKSH = dk_RSH.to(k_RSH.dtype).view(rows, -1, keys, k_RSH.size(-1))
        dv_BKSH = dv_RSH.to(v_RSH.dtype).view(rows, -1, keys, v_RSH.size(-1))
        return dq_RGTH.view(rows, -1, queries, k_RSH.size(-1)), dk_BKSH, dv_BKSH, None


def _queries(x_RGTH: Tensor, block: Block) -> Tensor:
    """Take a block's queries of all heads in a group as one run of rows: [R, G x queries, H]."""
    return x_RGTH[:, :, block.first : block.last].reshape(x_RGTH.size(0), -1, x_RGTH.size(-1))
