"""What travels inside a layer: sums of partial products, and tokens to the experts they chose.

Tensor parallel (Shoeybi et al., 2019, "Megatron-LM", section 3): a block's first matrices are cut by rows, its last by
columns, so each process computes a share of the block from the whole input, and one sum makes the output whole; on the
way back one sum makes the input's gradient whole. Expert parallel (Lepikhin et al., 2020, "GShard", section 3): tokens
are sent to the process that has their expert, and what it returns is sent back.

Shapes: S tokens (each as often as it chose an expert), sorted by expert; D width; E experts of the layer, P of them
here, R processes among which they are dealt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class _ToAll(torch.autograd.Function):
    """The same input for all; their gradients are summed."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _summed(gradients[0], ctx.group), None


class _FromAll(torch.autograd.Function):
    """Outputs are summed; the same gradient for all."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, group: Any) -> Tensor:
        return _summed(y, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class _Swap(torch.autograd.Function):
    """Rows go to other processes, `sent` to each and `received` from each; gradients go the way back."""

    @staticmethod
    def forward(ctx: Any, x_SD: Tensor, sent: list[int], received: list[int], group: Any) -> Tensor:
        ctx.way_back, ctx.group = (received, sent), group
        return _swapped(x_SD, sent, received, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        sent, received = ctx.way_back
        return _swapped(gradients[0], sent, received, ctx.group), None, None, None


def shared(block: nn.Module, group: Any) -> None:
    """Make a block whose matrices are cut compute its share and sum the outputs."""
    alone = block.forward

    def forward(x: Tensor, *others: Any) -> Tensor:
        # torch publishes Function.apply without types, here and below.
        y: Tensor = _FromAll.apply(alone(_ToAll.apply(x, group), *others), group)  # type: ignore[no-untyped-call]
        return y

    block.forward = forward  # wrapped from outside, which is the point


def dealt(experts: nn.Module, count: int, group: Any) -> None:
    """Make a layer's experts, of which `count` are here, read the tokens of all processes of the group."""
    alone: Callable[[Tensor, Tensor], Tensor] = experts.forward

    def forward(x_SD: Tensor, tokens_E: Tensor) -> Tensor:
        theirs_RP = _swapped(tokens_E, [count] * group.size(), [count] * group.size(), group).view(-1, count)
        sent, received = tokens_E.view(-1, count).sum(1).tolist(), theirs_RP.sum(1).tolist()
        come_SD: Tensor = _Swap.apply(x_SD, sent, received, group)  # type: ignore[no-untyped-call]
        order_S = _by_expert(theirs_RP)
        y_SD = _feed(alone, come_SD[order_S], theirs_RP.sum(0))
        back_SD = torch.empty_like(order_S).scatter_(0, order_S, torch.arange(len(order_S), device=order_S.device))
        home_SD: Tensor = _Swap.apply(y_SD[back_SD], received, sent, group)  # type: ignore[no-untyped-call]
        return home_SD

    experts.forward = forward  # as above


def _by_expert(theirs_RP: Tensor) -> Tensor:
    """Return the order that sorts tokens, which came by process and then by expert, by expert alone."""
    expert_S = torch.arange(theirs_RP.size(1), device=theirs_RP.device).repeat(theirs_RP.size(0))
    return expert_S.repeat_interleave(theirs_RP.flatten()).argsort(stable=True)


def _feed(alone: Callable[[Tensor, Tensor], Tensor], x_SD: Tensor, tokens_P: Tensor) -> Tensor:
    if len(x_SD):
        return alone(x_SD, tokens_P)
    # Nobody chose an expert that is here. They read a row of zeros, so that their gradients are zeros and not missing.
    tokens_P = tokens_P.clone()
    tokens_P[0] = 1
    return alone(x_SD.new_zeros(1, x_SD.size(1)), tokens_P)[:0]


def _swapped(x: Tensor, sent: list[int], received: list[int], group: Any) -> Tensor:
    come = x.new_empty(sum(received), *x.shape[1:])
    dist.all_to_all_single(come, x.contiguous(), received, sent, group=group)
    return come


def _summed(x: Tensor, group: Any) -> Tensor:
    total = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total, group=group)
    return total
