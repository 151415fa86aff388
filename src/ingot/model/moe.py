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
from ingot.model.fusing import fusible
from ingot.model.layers import FeedForward

ROWS_TOGETHER = 64


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
        odds_NE = torch.softmax(logits_NE, dim=-1)
        ranked_NE = logits_NE + self.balance_bias.float() if self.config.balance == "bias" else odds_NE
        experts_NK = ranked_NE.detach().topk(self.config.experts_per_token, dim=-1).indices
        weights_NK = odds_NE.gather(-1, experts_NK)
        if self.config.has_normalised_routing:
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
    """G = 2 x F: a gate's columns, and beside them those it opens and closes."""

    @staticmethod
    def forward(ctx: Any, x_SD: Tensor, tokens_E: Tensor, gate_EFD: Tensor, up_EFD: Tensor, down_EDF: Tensor) -> Tensor:
        gate_up_EGD, narrow_EDF = _side_by_side(gate_EFD, up_EFD, x_SD.dtype), down_EDF.to(x_SD.dtype)
        spans = _spans(tokens_E)
        both_SG = _products(x_SD, gate_up_EGD.mT, spans)
        ctx.spans, ctx.dtype = spans, down_EDF.dtype
        ctx.save_for_backward(x_SD, both_SG, gate_up_EGD, narrow_EDF)
        return _products(_opened(both_SG), narrow_EDF.mT, spans)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor, Tensor, Tensor]:
        x_SD, both_SG, gate_up_EGD, down_EDF = ctx.saved_tensors
        dy_SD = gradients[0].contiguous()
        hidden_SF, dboth_SG = _opened_backward(both_SG, _products(dy_SD, down_EDF, ctx.spans))
        dx_SD = _products(dboth_SG, gate_up_EGD, ctx.spans)
        dgate_up_EGD = _weight_gradients(dboth_SG, x_SD, ctx.spans, gate_up_EGD, ctx.dtype)
        ddown_EDF = _weight_gradients(dy_SD, hidden_SF, ctx.spans, down_EDF, ctx.dtype)
        dgate_EFD, dup_EFD = dgate_up_EGD.chunk(2, dim=1)
        return dx_SD, None, dgate_EFD, dup_EFD, ddown_EDF


def _side_by_side(gate_EFD: Tensor, up_EFD: Tensor, dtype: torch.dtype) -> Tensor:
    """Return both in one tensor of a dtype, written once."""
    experts, width, inputs = gate_EFD.shape
    both_EGD = torch.empty(experts, 2 * width, inputs, dtype=dtype, device=gate_EFD.device)
    both_EGD[:, :width], both_EGD[:, width:] = gate_EFD, up_EFD
    return both_EGD


def _spans(tokens_E: Tensor) -> list[tuple[int, slice]]:
    """Return the experts that have tokens, and which rows are theirs."""
    ends = tokens_E.cumsum(0).tolist()
    spans = [slice(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]
    return [(expert, span) for expert, span in enumerate(spans) if span.start < span.stop]


def _products(x_SD: Tensor, weight_EDF: Tensor, spans: Sequence[tuple[int, slice]]) -> Tensor:
    y_SF = x_SD.new_empty(len(x_SD), weight_EDF.size(-1))
    for expert, span in spans:
        for part in _usual(span):
            torch.mm(x_SD[part], weight_EDF[expert], out=y_SF[part])
    return y_SF


def _usual(span: slice) -> list[slice]:
    """Cut rows into a multiple of 64 and the rest: a processor's library makes code for each number it has not met."""
    middle = span.stop - (span.stop - span.start) % ROWS_TOGETHER
    return [slice(begin, end) for begin, end in ((span.start, middle), (middle, span.stop)) if begin < end]


def _weight_gradients(
    dy_SF: Tensor, x_SD: Tensor, spans: Sequence[tuple[int, slice]], like_EFD: Tensor, dtype: torch.dtype
) -> Tensor:
    dweight_EFD = torch.empty_like(like_EFD, dtype=dtype)
    for idle in set(range(len(like_EFD))) - {expert for expert, _ in spans}:
        dweight_EFD[idle] = 0
    for expert, span in spans:
        first, *rest = _usual(span)
        dweight_EFD[expert] = dy_SF[first].T @ x_SD[first]
        for part in rest:
            dweight_EFD[expert] += dy_SF[part].T @ x_SD[part]
    return dweight_EFD


@fusible
def _opened(both_SG: Tensor) -> Tensor:
    gate_SF, up_SF = both_SG.chunk(2, dim=-1)
    return F.silu(gate_SF) * up_SF


@fusible
def _opened_backward(both_SG: Tensor, dhidden_SF: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `_opened` returned, and the gradient of what it was given."""
    gate_SF, up_SF = both_SG.chunk(2, dim=-1)
    open_SF = F.silu(gate_SF)
    dgate_SF = torch.ops.aten.silu_backward(dhidden_SF * up_SF, gate_SF)
    return open_SF * up_SF, torch.cat((dgate_SF, dhidden_SF * open_SF), -1)


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
        y_NKD = bring_back(self.experts(x_SD, routing.tokens_E), order_S).view(*experts_NK.shape, -1)
        weighed = (y_NKD * weights_NK.to(y_NKD.dtype)[..., None]).unbind(1)
        y_BTD = sum(weighed[1:], weighed[0]).view_as(x_BTD)
        return (y_BTD if self.shared_experts is None else y_BTD + self.shared_experts(x_BTD)), routing


def send(x_ND: Tensor, order_S: Tensor, copies: int) -> Tensor:
    """Return each token as often as it is sent, in the order of the experts it goes to."""
    x_SD: Tensor = _Send.apply(x_ND, order_S, copies)  # type: ignore[no-untyped-call]  # published without types
    return x_SD


def bring_back(y_SD: Tensor, order_S: Tensor) -> Tensor:
    """Undo the order of `send`."""
    back_SD: Tensor = _BringBack.apply(y_SD, order_S)  # type: ignore[no-untyped-call]  # published without types
    return back_SD


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
        # One by one: a sum over so short a dimension takes ten times as long in bf16.
        back_SD = gradients[0].index_select(0, _inverse(order_S))
        copies = back_SD.view(-1, ctx.copies, back_SD.size(-1)).unbind(1)
        return sum(copies[1:], copies[0]), None, None


class _BringBack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y_SD: Tensor, order_S: Tensor) -> Tensor:
        ctx.save_for_backward(order_S)
        return y_SD.index_select(0, _inverse(order_S))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (order_S,) = ctx.saved_tensors
        return gradients[0].index_select(0, order_S), None


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
