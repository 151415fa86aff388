"""How weights move: Muon for the matrices inside the layers, AdamW for the rest.

Muon (Jordan et al., 2024) replaces a matrix's momentum by the nearest matrix that turns without stretching, found by
five Newton-Schulz steps; scaled by 0.2 * sqrt(larger side) its steps are as large as AdamW's (Liu et al., 2025,
"Muon is scalable for LLM training", section 2.2), so both share one learning rate. Embeddings, head and norms have no
such geometry and take AdamW (Loshchilov and Hutter, 2019).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from ingot.model.decoder import Decoder
from ingot.train.config import PretrainConfig
from ingot.train.parallel.placement import Placement
from ingot.train.width import rate_factors

# Beside Muon, a larger rate for embeddings and head: a row moves only when its token is met. 1 M parameters after 512 k
# tokens of Python source, held-out bits per byte: 2.36 at 0.5, 2.24 at 1, 2.21 at 2, 2.18 at 4.
_RATE_BESIDE_MUON = 4.0
_ADAM_BETAS = (0.9, 0.95)
# Jordan's quintic: every singular value ends between about 0.7 and 1.2, in five steps.
_QUINTIC = (3.4445, -4.7750, 2.0315)
_NEWTON_SCHULZ_STEPS = 5


def optimizers(
    decoder: Decoder, config: PretrainConfig, placement: Placement | None = None
) -> tuple[torch.optim.Optimizer, ...]:
    """Return the optimisers that together move every parameter of the decoder that learns, each once.

    Adapters take AdamW alone: their thin matrices have hardly a direction to turn.
    """
    uses_muon = config.optimizer == "muon" and config.adapters is None
    inner = [p for p in decoder.layers.parameters() if p.ndim > 1 and p.requires_grad] if uses_muon else []
    by_muon = {id(parameter) for parameter in inner}
    rest = [p for p in decoder.parameters() if id(p) not in by_muon and p.requires_grad]
    beside = _RATE_BESIDE_MUON if inner else 1.0
    factors = rate_factors(decoder, config)
    groups = [
        # No decay: a norm's gains are meant to be near one.
        {"params": alike, "weight_decay": config.weight_decay if alike[0].ndim > 1 else 0.0, "scale": beside * factor}
        for factor, alike in _by_kind(rest, factors)
    ]
    adamw = torch.optim.AdamW(groups, lr=config.learning_rate, betas=_ADAM_BETAS, fused=True)
    if not inner:
        return (adamw,)
    return adamw, Muon(inner, config.learning_rate, config.weight_decay, decoder.dtype, placement, factors)


def _by_kind(
    parameters: Iterable[nn.Parameter], factors: Mapping[int, float]
) -> list[tuple[float, list[nn.Parameter]]]:
    """Group weights by whether they are matrices, the factor of their rate, and the processes they are sharded over."""
    groups: dict[tuple[bool, float, Any], list[nn.Parameter]] = {}
    for parameter in parameters:
        kind = (parameter.ndim < 2, factors.get(id(parameter), 1.0), getattr(parameter, "device_mesh", None))
        groups.setdefault(kind, []).append(parameter)
    return [(kind[1], groups[kind]) for kind in sorted(groups, key=lambda kind: kind[:2])]


def move(optimizers: Iterable[torch.optim.Optimizer], rate: float, momentum: float) -> None:
    """Take one step with each optimiser, at this learning rate and (for Muon) momentum."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group["scale"]
            if "momentum" in group:
                group["momentum"] = momentum
        optimizer.step()


def _length(gradients: Sequence[Tensor]) -> float:
    return float(nn.utils.get_total_norm(list(gradients)))


def scale_and_clip(
    gradients: Sequence[Tensor], count: int, limit: float, length: Callable[[Sequence[Tensor]], float] = _length
) -> float:
    """Turn gradients of a sum over `count` targets into those of their mean, no longer than `limit`, in one pass.

    `length` is of all of them together, where these are only a part. Returns the norm of the mean's gradient before
    clipping. Gradients that are not finite are left alone.
    """
    norm = length(gradients) / count
    if math.isfinite(norm):
        torch._foreach_mul_(list(gradients), min(1.0, limit / (norm + 1e-6)) / count)
    return norm


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal. Matrices of one shape go through the products together, in `dtype`."""

    def __init__(
        self,
        matrices: Sequence[nn.Parameter],
        learning_rate: float,
        weight_decay: float,
        dtype: torch.dtype,
        placement: Placement | None = None,
        factors: Mapping[int, float] | None = None,
    ) -> None:
        self._dtype, self._placement = dtype, placement or Placement()
        shape, known = self._placement.shape, factors or {}

        def kind(matrix: nn.Parameter) -> tuple[tuple[int, ...], float]:
            return shape(matrix), known.get(id(matrix), 1.0)

        alike = groupby(sorted(matrices, key=kind), key=kind)
        groups = [{"params": list(members), "scale": factor} for (_, factor), members in alike]
        super().__init__(groups, {"lr": learning_rate, "weight_decay": weight_decay, "momentum": 0.95})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # torch's may return the closure's loss
        """Move every matrix that has a gradient."""
        assert closure is None, "the trainer computes the loss itself"
        for group in self.param_groups:
            matrices = [matrix for matrix in group["params"] if matrix.grad is not None]
            if matrices:
                self._move(matrices, [matrix.grad for matrix in matrices], group)

    def _move(self, matrices: list[Tensor], gradients: list[Tensor], group: Mapping[str, Any]) -> None:
        rate, weight_decay, momentum = group["lr"], group["weight_decay"], group["momentum"]
        local = self._placement.local
        momenta = [local(self._momentum(matrix)) for matrix in matrices]
        here, gradients = [local(matrix) for matrix in matrices], [local(gradient) for gradient in gradients]
        torch._foreach_lerp_(momenta, gradients, 1 - momentum)
        ahead = torch._foreach_lerp(gradients, momenta, momentum)  # Nesterov's look ahead
        # A part of a matrix has no direction of its own: each is made whole for a moment.
        updates = self._placement.by_whole(matrices, list(ahead), self._directions)
        if weight_decay:
            torch._foreach_mul_(here, 1 - rate * weight_decay)
        as_large_as_adamw = 0.2 * math.sqrt(max(self._placement.shape(matrices[0])[-2:]))
        torch._foreach_add_(here, updates, alpha=-rate * as_large_as_adamw)

    def _directions(self, wholes: Sequence[Tensor]) -> list[Tensor]:
        stacked = torch.stack(list(wholes))
        return list(orthogonal(stacked.flatten(0, -3).to(self._dtype)).float().view(stacked.shape).unbind())

    def _momentum(self, matrix: Tensor) -> Tensor:
        kept = self.state[matrix]
        if "momentum" not in kept:
            kept["momentum"] = torch.zeros_like(matrix)
        momentum: Tensor = kept["momentum"]
        return momentum


def orthogonal(x_LDE: Tensor) -> Tensor:
    """Bring the singular values of each of L matrices near one, leaving their directions (Newton-Schulz)."""
    is_tall = x_LDE.size(-2) > x_LDE.size(-1)
    x_LDE = x_LDE.mT if is_tall else x_LDE
    x_LDE = x_LDE / (x_LDE.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = _QUINTIC
    for _ in range(_NEWTON_SCHULZ_STEPS):
        gram_LDD = x_LDE @ x_LDE.mT
        polynomial_LDD = torch.baddbmm(gram_LDD, gram_LDD, gram_LDD, beta=b, alpha=c)
        x_LDE = torch.baddbmm(x_LDE, polynomial_LDD, x_LDE, beta=a)
    return x_LDE.mT if is_tall else x_LDE
