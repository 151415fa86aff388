"""A mixture of experts without dropping: every token reaches the experts it chose, however many chose the same.

The router picks `experts_per_token` feed-forwards for each token, in float32. Tokens are then sorted by expert, so each
expert reads its own as one matrix, and what they return is put back in order and weighed. Sorting is stable and its
way back is a permutation, so results and gradients repeat exactly, and an expert that nobody chose gets a gradient of
zero.

Two things keep a few experts from taking everything. A loss (Fedus et al., 2021, section 2.2) pushes probabilities
towards even load: it leaves as part of `Routing`, for the objective to add. Or a bias that counts only in choosing is
moved by `update_balance` after a step (Wang et al., 2024, as in DeepSeek-V3); here it is added to logits, not to
probabilities, so that a step means the same among 8 experts and among 128. The z-loss is that of Zoph et al., 2022.

Layout: Mixtral's and Qwen3-MoE's, experts stacked in one parameter per matrix.

Shapes: B rows, T tokens, N = B x T, D width, E experts, K experts per token, S = N x K, F expert width, L MoE layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ingot.model.config import ModelConfig
from ingot.model.fusing import fusible, is_fused
from ingot.model.layers import FeedForward

ROWS_TOGETHER = 32


class Routing(NamedTuple):
    """What one layer's router did in one pass: tokens per expert, and two losses as means over tokens.

    `balance` is 1 when load is even and grows up to E; `z` is the mean square of the logits' log-sum-exp. It is a
    plain tuple of tensors and an output of its layer, so that wrappers which follow outputs see the losses too.
    """

    tokens_E: Tensor
    balance: Tensor
    z: Tensor


class Router(nn.Module):
    """Chooses experts for each token, in float32."""

    balance_bias: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.empty(config.experts, config.width))
        if config.balance == "bias":
            self.register_buffer("balance_bias", torch.zeros(config.experts))

    def forward(self, x_ND: Tensor) -> tuple[Tensor, Tensor, Routing]:
        """Return each token's experts [N, K], their weights [N, K] in float32, and the record of the choice."""
        logits_NE = F.linear(x_ND.float(), self.weight.float())
        bias_E = self.balance_bias.float() if self.config.balance == "bias" else None
        return _routed(logits_NE, bias_E, self.config.experts_per_token, self.config.has_normalised_routing)


@fusible
def _routed(
    logits_NE: Tensor, bias_E: Tensor | None, choices: int, has_normalised_routing: bool
) -> tuple[Tensor, Tensor, Routing]:
    odds_NE = torch.softmax(logits_NE, dim=-1)
    ranked_NE = odds_NE if bias_E is None else logits_NE + bias_E
    experts_NK = ranked_NE.detach().topk(choices, dim=-1).indices
    weights_NK = odds_NE.gather(-1, experts_NK)
    if has_normalised_routing:
        weights_NK = weights_NK / weights_NK.sum(-1, keepdim=True)
    return experts_NK, weights_NK, _record(logits_NE, odds_NE, experts_NK)


def _record(logits_NE: Tensor, odds_NE: Tensor, experts_NK: Tensor) -> Routing:
    chosen_S = experts_NK.flatten()
    tokens_E = torch.zeros(logits_NE.size(-1), dtype=torch.int64, device=logits_NE.device)
    tokens_E = tokens_E.scatter_add(0, chosen_S, torch.ones_like(chosen_S))
    load_E = tokens_E / len(chosen_S)
    balance = logits_NE.size(-1) * (load_E * odds_NE.mean(0)).sum()
    return Routing(tokens_E, balance, logits_NE.logsumexp(-1).square().mean())


class Experts(nn.Module):
    """E gated feed-forwards, stacked. Reads tokens sorted by expert and how many each expert has.

    Where experts live on several machines, this is what is wrapped: tokens are exchanged before and after.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        up, down = (config.expert_ffn_width, config.width), (config.width, config.expert_ffn_width)
        self.gate_proj = nn.Parameter(torch.empty(config.experts, *up))
        self.up_proj = nn.Parameter(torch.empty(config.experts, *up))
        self.down_proj = nn.Parameter(torch.empty(config.experts, *down))

    def forward(self, x_SD: Tensor, tokens_E: Tensor) -> Tensor:
        weights = self.gate_proj, self.up_proj, self.down_proj
        # There is no grouped product in other dtypes.
        if x_SD.device.type != "cpu" and x_SD.dtype == torch.bfloat16:
            return grouped(x_SD, tokens_E, *weights)
        return one_by_one(x_SD, tokens_E, *weights)


def one_by_one(x_SD: Tensor, tokens_E: Tensor, gate_EFD: Tensor, up_EFD: Tensor, down_EDF: Tensor) -> Tensor:
    """Run each expert that has tokens. The faster form on a processor.

    Each expert's rows lie in one tensor that all share, and what is between the products is done for all at once.
    """
    # torch publishes Function.apply without types.
    y_SD: Tensor = _OneByOne.apply(x_SD, tokens_E, gate_EFD, up_EFD, down_EDF)  # type: ignore[no-untyped-call]
    return y_SD


class _OneByOne(torch.autograd.Function):
    """G = 2 x F: a gate's columns, and beside them those it opens and closes. P rows are those of `_Rooms`."""

    @staticmethod
    def forward(ctx: Any, x_SD: Tensor, tokens_E: Tensor, gate_EFD: Tensor, up_EFD: Tensor, down_EDF: Tensor) -> Tensor:
        gate_up_EGD, narrow_EDF = _side_by_side(gate_EFD, up_EFD, x_SD.dtype), down_EDF.to(x_SD.dtype)
        rooms = _Rooms.of(tokens_E.tolist())
        x_PD = rooms.entered(x_SD)
        both_PG = rooms.products(x_PD, gate_up_EGD.mT)
        ctx.rooms, ctx.dtype = rooms, down_EDF.dtype
        ctx.save_for_backward(x_PD, both_PG, gate_up_EGD, narrow_EDF)
        return rooms.left(rooms.products(_opened(both_PG), narrow_EDF.mT))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor, Tensor, Tensor]:
        x_PD, both_PG, gate_up_EGD, down_EDF = ctx.saved_tensors
        rooms: _Rooms = ctx.rooms
        dy_PD = rooms.entered(gradients[0])
        hidden_PF, dboth_PG = _opened_backward(both_PG, rooms.products(dy_PD, down_EDF))
        dx_SD = rooms.left(rooms.products(dboth_PG, gate_up_EGD))
        ddown_EDF = torch.empty_like(down_EDF, dtype=ctx.dtype)
        # Each in memory of its own: of a part of a tensor, autograd would keep a copy.
        dgate_EFD, dup_EFD = (torch.empty_like(half, dtype=ctx.dtype) for half in gate_up_EGD.chunk(2, dim=1))
        rooms.weight_gradients(dboth_PG, x_PD, (dgate_EFD, dup_EFD))
        rooms.weight_gradients(dy_PD, hidden_PF, (ddown_EDF,))
        return dx_SD, None, dgate_EFD, dup_EFD, ddown_EDF


def _side_by_side(gate_EFD: Tensor, up_EFD: Tensor, dtype: torch.dtype) -> Tensor:
    """Return both in one tensor of a dtype, written once."""
    experts, width, inputs = gate_EFD.shape
    both_EGD = torch.empty(experts, 2 * width, inputs, dtype=dtype, device=gate_EFD.device)
    both_EGD[:, :width], both_EGD[:, width:] = gate_EFD, up_EFD
    return both_EGD


class _Rooms(NamedTuple):
    """Where P rows lie: each expert's `counts` in a room of one of few `sizes`, zeros behind them, and no more.

    A processor's library makes code for each number of rows it has not met, which takes it a millisecond: longer than
    the product of a few hundred rows. Zeros cost less, and add nothing to a gradient.
    """

    counts: list[int]
    sizes: list[int]
    length: int

    @classmethod
    def of(cls, counts: list[int]) -> _Rooms:
        sizes = [_room(count) for count in counts]
        # What is compiled must not meet another length with every batch: the longest that these tokens can need.
        longest = sum(counts) * 17 // 16 + (ROWS_TOGETHER - 1) * len(counts)
        return cls(counts, sizes, longest if is_fused() else sum(sizes))

    def entered(self, x_SD: Tensor) -> Tensor:
        """Return rows sorted by expert in their rooms."""
        x_PD = x_SD.new_empty(self.length, x_SD.size(1))
        for x_RD, x_CD, count in zip(self._split(x_PD), torch.split(x_SD, self.counts), self.counts, strict=True):
            x_RD[:count] = x_CD
            x_RD[count:] = 0
        return x_PD

    def left(self, x_PD: Tensor) -> Tensor:
        """Undo `entered`."""
        return torch.cat([x_RD[:count] for x_RD, count in zip(self._split(x_PD), self.counts, strict=True)])

    def products(self, x_PD: Tensor, weight_EDF: Tensor) -> Tensor:
        """Multiply each room by the matrix of its expert; what lies behind the last room is left open."""
        y_PF = x_PD.new_empty(self.length, weight_EDF.size(-1))
        for x_RD, weight_DF, y_RF in zip(self._split(x_PD), weight_EDF.unbind(), self._split(y_PF), strict=True):
            if len(x_RD):
                torch.mm(x_RD, weight_DF, out=y_RF)
        return y_PF

    def weight_gradients(self, dy_PF: Tensor, x_PD: Tensor, into: Sequence[Tensor]) -> None:
        """Write the gradients of weights [E, F, D]; of several, where they lie side by side in F."""
        widths = [dweight_EFD.size(1) for dweight_EFD in into]
        for dy_RF, x_RD, *dweights in zip(self._split(dy_PF), self._split(x_PD), *into, strict=True):
            # An expert that nobody chose has a product of no rows, which is zero.
            for dweight_FD, part_FD in zip(dweights, torch.split(dy_RF.T @ x_RD, widths), strict=True):
                dweight_FD.copy_(part_FD)

    def _split(self, x_PD: Tensor) -> tuple[Tensor, ...]:
        return torch.split(x_PD[: sum(self.sizes)], self.sizes)


def _room(count: int) -> int:
    """Return the next power of two, or from 32 on the next that is a multiple of 32 and of a 32nd of it."""
    above = 1 << (count - 1).bit_length() if count else 0
    step = max(above // 32, ROWS_TOGETHER)
    return above if above <= ROWS_TOGETHER else -(-count // step) * step


@fusible
def _opened(both_PG: Tensor) -> Tensor:
    gate_PF, up_PF = both_PG.chunk(2, dim=-1)
    return F.silu(gate_PF) * up_PF


@fusible
def _opened_backward(both_PG: Tensor, dhidden_PF: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `_opened` returned, and the gradient of what it was given."""
    gate_PF, up_PF = both_PG.chunk(2, dim=-1)
    open_PF = F.silu(gate_PF)
    dgate_PF = torch.ops.aten.silu_backward(dhidden_PF * up_PF, gate_PF)
    return open_PF * up_PF, torch.cat((dgate_PF, dhidden_PF * open_PF), -1)


def grouped(x_SD: Tensor, tokens_E: Tensor, gate_EFD: Tensor, up_EFD: Tensor, down_EDF: Tensor) -> Tensor:
    """Run all experts as three grouped products, without asking the device how many tokens each has."""
    ends_E = tokens_E.cumsum(0).to(torch.int32)
    gate_EFD, up_EFD, down_EDF = (weight.to(x_SD.dtype) for weight in (gate_EFD, up_EFD, down_EDF))
    gate_SF = F.grouped_mm(x_SD, gate_EFD.mT, offs=ends_E)
    up_SF = F.grouped_mm(x_SD, up_EFD.mT, offs=ends_E)
    return F.grouped_mm(F.silu(gate_SF) * up_SF, down_EDF.mT, offs=ends_E)


class MixtureOfExperts(nn.Module):
    """A router, its experts, and the shared experts that read every token, if there are any."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate = Router(config)
        self.experts = Experts(config)
        # Several feed-forwards that read the same tokens are one that is as wide as all.
        width = config.shared_experts * config.expert_ffn_width
        self.shared_experts = FeedForward(config.width, width) if width else None

    def forward(self, x_BTD: Tensor) -> tuple[Tensor, Routing]:
        x_ND = x_BTD.flatten(0, 1)
        experts_NK, weights_NK, routing = self.gate(x_ND)
        order_S = experts_NK.flatten().argsort(stable=True)
        x_SD = send(x_ND, order_S, experts_NK.size(1))
        y_BTD = combine(self.experts(x_SD, routing.tokens_E), weights_NK, order_S).view_as(x_BTD)
        return (y_BTD if self.shared_experts is None else y_BTD + self.shared_experts(x_BTD)), routing


def send(x_ND: Tensor, order_S: Tensor, copies: int) -> Tensor:
    """Return each token as often as it is sent, in the order of the experts it goes to."""
    x_SD: Tensor = _Send.apply(x_ND, order_S, copies)  # type: ignore[no-untyped-call]  # published without types
    return x_SD


def combine(y_SD: Tensor, weights_NK: Tensor, order_S: Tensor) -> Tensor:
    """Undo the order of `send`, and add up what each token's experts returned, weighed, in float32."""
    y_ND: Tensor = _Combine.apply(y_SD, weights_NK, order_S)  # type: ignore[no-untyped-call]  # published without types
    return y_ND


class _Send(torch.autograd.Function):
    """Autograd would add gradients up row by row (and wait for the slowest row); a permutation knows its way back."""

    @staticmethod
    def forward(ctx: Any, x_ND: Tensor, order_S: Tensor, copies: int) -> Tensor:
        ctx.save_for_backward(order_S)
        ctx.copies = copies
        return x_ND.index_select(0, order_S // copies)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (order_S,) = ctx.saved_tensors
        return _summed(gradients[0], _inverse(order_S).view(-1, ctx.copies)), None, None


class _Combine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y_SD: Tensor, weights_NK: Tensor, order_S: Tensor) -> Tensor:
        places_NK = _inverse(order_S).view_as(weights_NK)
        ctx.save_for_backward(y_SD, weights_NK, order_S, places_NK)
        return _weighed(y_SD, weights_NK, places_NK)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        return *_weighed_backward(gradients[0], *ctx.saved_tensors), None


@fusible
def _summed(x_SD: Tensor, places_NK: Tensor) -> Tensor:
    # One by one: a sum over so short a dimension takes ten times as long in bf16.
    first_ND, *others = (x_SD[places_N] for places_N in places_NK.unbind(1))
    return sum(others, first_ND)


@fusible
def _weighed(y_SD: Tensor, weights_NK: Tensor, places_NK: Tensor) -> Tensor:
    copies = zip(places_NK.unbind(1), weights_NK.unbind(1), strict=True)
    first_ND, *others = (y_SD[places_N] * weight_N[:, None] for places_N, weight_N in copies)
    return sum(others, first_ND).to(y_SD.dtype)


@fusible
def _weighed_backward(
    dy_ND: Tensor, y_SD: Tensor, weights_NK: Tensor, order_S: Tensor, places_NK: Tensor
) -> tuple[Tensor, Tensor]:
    copies = weights_NK.size(1)
    dy_SD = (dy_ND[order_S // copies] * weights_NK.flatten()[order_S][:, None]).to(y_SD.dtype)
    dweights = [(dy_ND.to(weights_NK.dtype) * y_SD[places_N]).sum(-1) for places_N in places_NK.unbind(1)]
    return dy_SD, torch.stack(dweights, dim=1)


def _inverse(order_S: Tensor) -> Tensor:
    places_S = torch.arange(len(order_S), device=order_S.device)
    return torch.empty_like(order_S).scatter_(0, order_S, places_S)


def router_loss(routing: Sequence[Routing], config: ModelConfig) -> Tensor | float:
    """Return what routers add to the loss, as a mean per token, summed over their layers; 0.0 without experts."""
    balance = config.balance_loss if config.balance == "loss" else 0.0
    return sum((balance * layer.balance + config.router_z_loss * layer.z for layer in routing), 0.0)


@torch.no_grad()
def update_balance(model: nn.Module, tokens_LE: Iterable[Tensor], step: float) -> None:
    """Move every router's bias by `step` towards even load: up where an expert had fewer tokens than the mean.

    `tokens_LE` is what each router with a bias, in order, sent to each expert during the whole optimiser step: the
    sum over all pieces of the batch and all machines.
    """
    routers = [module for module in model.modules() if isinstance(module, Router) and module.config.balance == "bias"]
    for router, tokens_E in zip(routers, tokens_LE, strict=True):
        load_E = tokens_E.to(router.balance_bias.device, torch.float32)
        router.balance_bias += step * torch.sign(load_E.mean() - load_E).to(router.balance_bias.dtype)
