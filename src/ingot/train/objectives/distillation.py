"""Distillation: a small model learns a larger one's odds for every next token, not only which token came.

The loss is T^2 x KL(teacher || student) of both models' odds at temperature T (Hinton et al., 2015, section 2), mixed
with the surprise of the token that came. With `top_k` the teacher's odds are those of its k likeliest tokens alone,
scaled to one. The teacher is the step's input `teacher`, a model with the same tokenizer; it learns nothing.

Logits of both models exist for a few hundred rows at a time: like the cross-entropy's, the gradients of hidden states
and head are made in the forward pass, and the backward pass only scales.

Shapes: N tokens, D width, V vocabulary; C rows of one chunk; K tokens of the teacher.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ingot.core.errors import UsageError
from ingot.data.stream import IGNORED
from ingot.model.decoder import Decoder
from ingot.train.cross_entropy import CHUNK_ROWS
from ingot.train.objective import Given, Loss, TensorBatch

TEACHER = "teacher"
_WHY = "its odds are what is learned"


@dataclass(frozen=True)
class Config:
    """The temperature of both models' odds, the share of the loss that is the teacher's, and how many of its tokens.

    `top_k` 0 takes the teacher's whole vocabulary.
    """

    temperature: float = 2.0
    share: float = 0.5
    top_k: int = 0

    def __post_init__(self) -> None:
        if self.temperature <= 0 or not 0 <= self.share <= 1 or self.top_k < 0:
            what = f"temperature {self.temperature}, share {self.share}, top_k {self.top_k}"
            fix = "choose a temperature above 0, a share from 0 to 1, and 0 or more tokens"
            raise UsageError(f"this distillation cannot be computed: {what}", where="objective distillation", fix=fix)


def loss(decoder: Decoder, batch: TensorBatch, config: Config, given: Given) -> Loss:
    """Return the summed, mixed loss over a batch's targets and how many there are."""
    device = batch.tokens_BT.device
    teacher = given.decoder(TEACHER, device, _teacher_dtype(decoder), _WHY)
    with torch.no_grad():
        taught_BTD = teacher(batch.tokens_BT, batch.segments_BT)
    hidden_BTD = decoder(batch.tokens_BT, batch.segments_BT)
    total = distillation_sum(
        hidden_BTD.flatten(0, 1),
        decoder.head_weight,
        taught_BTD.flatten(0, 1),
        teacher.head_weight[: decoder.head_weight.size(0)],
        batch.targets_BT.flatten(),
        config,
    )
    count = int((batch.targets_BT != IGNORED).sum())
    return Loss(total + count * decoder.router_loss(), count)


def distillation_sum(
    hidden_ND: Tensor, head_VD: Tensor, taught_ND: Tensor, teacher_VD: Tensor, targets_N: Tensor, config: Config
) -> Tensor:
    """Return the summed loss over the targets that are not IGNORED, in nats and float32; both D may differ."""
    # torch publishes Function.apply without types.
    total: Tensor = _Distillation.apply(hidden_ND, head_VD, taught_ND, teacher_VD, targets_N, config)  # type: ignore[no-untyped-call]
    return total


class _Distillation(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        head_VD: Tensor,
        taught_ND: Tensor,
        teacher_VD: Tensor,
        targets_N: Tensor,
        config: Config,
    ) -> Tensor:
        weight_VD, teacher_VD = head_VD.to(hidden_ND.dtype), teacher_VD.to(taught_ND.dtype)
        total = torch.zeros((), dtype=torch.float32, device=hidden_ND.device)
        dhidden_ND, dhead_VD = torch.zeros_like(hidden_ND), torch.zeros_like(head_VD, dtype=torch.float32)
        for rows_C in torch.split((targets_N != IGNORED).nonzero().squeeze(1), CHUNK_ROWS):
            logits_CV = F.linear(hidden_ND[rows_C], weight_VD).float()
            taught_CV = F.linear(taught_ND[rows_C], teacher_VD).float()
            some, dlogits_CV = _chunk(logits_CV, taught_CV, targets_N[rows_C], config)
            total += some
            dlogits_CV = dlogits_CV.to(hidden_ND.dtype)
            dhidden_ND[rows_C] = dlogits_CV @ weight_VD
            dhead_VD += dlogits_CV.T @ hidden_ND[rows_C]
        ctx.save_for_backward(dhidden_ND, dhead_VD.to(head_VD.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        dhidden_ND, dhead_VD = ctx.saved_tensors
        upstream = gradients[0]
        return dhidden_ND * upstream.to(dhidden_ND.dtype), dhead_VD * upstream, None, None, None, None


def _chunk(logits_CV: Tensor, taught_CV: Tensor, targets_C: Tensor, config: Config) -> tuple[Tensor, Tensor]:
    """Return the summed loss of some rows and its gradient by the student's logits."""
    t = config.temperature
    student_CV, odds_CV = torch.log_softmax(logits_CV / t, -1), torch.log_softmax(logits_CV, -1)
    teacher_CV = torch.log_softmax(_likeliest(taught_CV / t, config.top_k), -1)
    wanted_CV = teacher_CV.exp()
    # Where the teacher's odds are zero their logarithm is not finite, and the product is nothing.
    divergence = (wanted_CV * (teacher_CV - student_CV)).masked_fill(wanted_CV == 0, 0.0).sum()
    surprise = F.nll_loss(odds_CV, targets_C, reduction="sum")
    gradient_CV = config.share * t * (student_CV.exp() - wanted_CV)
    came_CV = odds_CV.exp().scatter_add_(1, targets_C[:, None], logits_CV.new_full((len(targets_C), 1), -1.0))
    gradient_CV += (1 - config.share) * came_CV
    return config.share * t * t * divergence + (1 - config.share) * surprise, gradient_CV


def _likeliest(logits_CV: Tensor, count: int) -> Tensor:
    if not 0 < count < logits_CV.size(-1):
        return logits_CV
    values_CK, indices_CK = logits_CV.topk(count, dim=-1)
    return torch.full_like(logits_CV, -torch.inf).scatter_(-1, indices_CK, values_CK)


def _teacher_dtype(student: Decoder) -> torch.dtype:
    """Return the dtype of the teacher's weights: half the memory, where the machine computes in it anyway."""
    return torch.bfloat16 if student.dtype == torch.bfloat16 else torch.float32
