"""The log-probability of every target, without ever holding all logits.

Objectives that weigh whole answers against one another know only at the end of the forward pass what each target is
worth. So here a few hundred rows at a time go to logits and to one number a row; the backward pass computes the logits
again, for no more rows at a time, and brings hidden states and head their gradients.

Shapes: N tokens, D width, V vocabulary; R rows with a target; C rows of one chunk.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ingot.data.stream import IGNORED
from ingot.train.cross_entropy import CHUNK_ROWS


def log_probabilities(hidden_ND: Tensor, head_VD: Tensor, targets_N: Tensor, chunk_rows: int = CHUNK_ROWS) -> Tensor:
    """Return the log-probability, in nats and float32, of each target that is not IGNORED, in their order: [R]."""
    rows_R = (targets_N != IGNORED).nonzero().squeeze(1)
    # torch publishes Function.apply without types.
    found_R: Tensor = _LogProbabilities.apply(hidden_ND[rows_R], head_VD, targets_N[rows_R], chunk_rows)  # type: ignore[no-untyped-call]
    return found_R


class _LogProbabilities(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden_RD: Tensor, head_VD: Tensor, targets_R: Tensor, chunk_rows: int) -> Tensor:
        weight_VD = head_VD.to(hidden_RD.dtype)
        found_R = torch.empty(len(targets_R), dtype=torch.float32, device=hidden_RD.device)
        for first in range(0, len(targets_R), chunk_rows):
            span = slice(first, first + chunk_rows)
            logits_CV = F.linear(hidden_RD[span], weight_VD).float()
            found_R[span] = logits_CV.gather(1, targets_R[span, None]).squeeze(1) - logits_CV.logsumexp(-1)
        ctx.save_for_backward(hidden_RD, head_VD, targets_R)
        ctx.chunk_rows = chunk_rows
        return found_R

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        hidden_RD, head_VD, targets_R = ctx.saved_tensors
        upstream_R, weight_VD = gradients[0], head_VD.to(hidden_RD.dtype)
        dhidden_RD = torch.empty_like(hidden_RD)
        dhead_VD = torch.zeros_like(head_VD, dtype=torch.float32)
        for first in range(0, len(targets_R), ctx.chunk_rows):
            span = slice(first, first + ctx.chunk_rows)
            hidden_CD, targets_C = hidden_RD[span], targets_R[span]
            dlogits_CV = torch.softmax(F.linear(hidden_CD, weight_VD).float(), -1).neg_()
            places = torch.arange(len(targets_C), device=targets_C.device), targets_C
            dlogits_CV = dlogits_CV.index_put_(places, dlogits_CV[places] + 1).mul_(upstream_R[span, None])
            dlogits_CV = dlogits_CV.to(hidden_CD.dtype)
            torch.mm(dlogits_CV, weight_VD, out=dhidden_RD[span])
            dhead_VD += dlogits_CV.T @ hidden_CD
        return dhidden_RD, dhead_VD.to(head_VD.dtype), None, None
