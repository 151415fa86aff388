"""Cross-entropy of the next token without ever holding all logits.

The logits of a batch are its largest tensor by far (2,048 tokens x 8,192 entries in float32: 67 MB, and as much again
for their gradient). Here a few hundred rows at a time go to logits, to their gradient (softmax minus one-hot), and
straight on to the gradients of hidden states and head, all in the forward pass; the backward pass only scales. Rows
without a target cost nothing.
The idea is that of Liger Kernel's fused linear cross-entropy (Hsu et al., 2024, section 3.2).

Shapes: N tokens, D width, V vocabulary; C rows of one chunk.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ingot.data.stream import IGNORED

CHUNK_ROWS = 512
_ROWS_TOGETHER = 64


def cross_entropy_sum(hidden_ND: Tensor, head_VD: Tensor, targets_N: Tensor, chunk_rows: int = CHUNK_ROWS) -> Tensor:
    """Return the summed negative log-likelihood, in nats, of the targets that are not IGNORED, in float32.

    Logits are computed in the dtype of `hidden_ND`, softmax and sums in float32.
    """
    # torch publishes Function.apply without types.
    total: Tensor = _ChunkedCrossEntropy.apply(hidden_ND, head_VD, targets_N, chunk_rows)  # type: ignore[no-untyped-call]
    return total


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden_ND: Tensor, head_VD: Tensor, targets_N: Tensor, chunk_rows: int) -> Tensor:
        weight_VD = head_VD.to(hidden_ND.dtype)
        total = torch.zeros((), dtype=torch.float32, device=hidden_ND.device)
        needs_gradient = any(ctx.needs_input_grad)
        read_ND, targets_R, rows_R = _read(hidden_ND, targets_N)
        dread_RD = torch.empty_like(read_ND) if needs_gradient else None
        dhead_VD: Tensor | None = None
        for first in range(0, len(read_ND), chunk_rows):
            span = slice(first, first + chunk_rows)
            hidden_CD, targets_C1 = read_ND[span], targets_R[span, None]
            logits_CV = F.linear(hidden_CD, weight_VD)
            # Computed in float32 and rounded to the dtype of the logits, in one kernel.
            odds_CV = torch.softmax(logits_CV, dim=-1)
            idle_C1 = targets_C1 == IGNORED
            targets_C1 = targets_C1.masked_fill(idle_C1, 0)
            odds_C1 = odds_CV.gather(1, targets_C1)
            total += _surprise(logits_CV, odds_CV, targets_C1, odds_C1, idle_C1)
            if dread_RD is not None:
                dlogits_CV = _less_the_truth(odds_CV, targets_C1, odds_C1, idle_C1)
                torch.mm(dlogits_CV, weight_VD, out=dread_RD[span])
                # Summed over chunks in float32: in bf16 the small gradients of rare tokens would be rounded away.
                more_VD = (dlogits_CV.T @ hidden_CD).float()
                dhead_VD = more_VD if dhead_VD is None else dhead_VD.add_(more_VD)
        if dread_RD is not None:
            dhead_VD = torch.zeros_like(head_VD) if dhead_VD is None else dhead_VD.to(head_VD.dtype)
            dhidden_ND = dread_RD if rows_R is None else torch.zeros_like(hidden_ND).index_copy_(0, rows_R, dread_RD)
            ctx.save_for_backward(dhidden_ND, dhead_VD)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        dhidden_ND, dhead_VD = ctx.saved_tensors
        upstream = gradients[0]
        if upstream.device.type == "cpu" and upstream == 1:  # an accelerator would have to be waited for
            return dhidden_ND, dhead_VD, None, None
        return dhidden_ND * upstream.to(dhidden_ND.dtype), dhead_VD * upstream, None, None


def _read(hidden_ND: Tensor, targets_N: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return the rows with a target and their targets, and which rows those are; None when they are all.

    A few rows without one fill them up to a multiple of 64: a processor's library makes code for every number of rows
    it has not met, and every batch has another.
    """
    is_idle_N = targets_N == IGNORED
    count = len(targets_N) - int(is_idle_N.sum())
    count = -(-count // _ROWS_TOGETHER) * _ROWS_TOGETHER
    if count >= len(targets_N):
        return hidden_ND, targets_N, None
    rows_R = is_idle_N.to(torch.uint8).argsort(stable=True)[:count]
    return hidden_ND[rows_R], targets_N[rows_R], rows_R


def _less_the_truth(odds_CV: Tensor, targets_C1: Tensor, odds_C1: Tensor, idle_C1: Tensor) -> Tensor:
    """Turn odds into the gradient of the logits, in place: zero for rows without a target."""
    # Not scatter_: where results must repeat it copies everything, which these single places do not need.
    places = torch.arange(len(odds_CV), device=odds_CV.device), targets_C1.squeeze(1)
    dlogits_CV = odds_CV.index_put_(places, (odds_C1 - 1).squeeze(1))
    return dlogits_CV.index_fill_(0, idle_C1.squeeze(1).nonzero().squeeze(1), 0)


def _surprise(logits_CV: Tensor, odds_CV: Tensor, targets_C1: Tensor, odds_C1: Tensor, idle_C1: Tensor) -> Tensor:
    """Return the summed -log(odds) of the targets, in float32."""
    if odds_C1.amin() >= torch.finfo(torch.float32).tiny:
        return -odds_C1.float().log().masked_fill(idle_C1, 0).sum()
    # Odds were rounded away. log(sum(exp(logits))) is read off the likeliest token, whose odds are at least 1/V.
    normaliser_C1 = logits_CV.amax(-1, keepdim=True).float() - odds_CV.amax(-1, keepdim=True).float().log()
    return (normaliser_C1 - logits_CV.gather(1, targets_C1).float()).masked_fill(idle_C1, 0).sum()
