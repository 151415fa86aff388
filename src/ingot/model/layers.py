"""The small parts of the decoder: a projection, the norm and the gated feed-forward.

Weights are kept in float32 and cast to the dtype of what they meet, so an optimiser step is never lost to rounding.
Norms compute in float32 whatever comes in.
Norm: Zhang and Sennrich, 2019. Gated feed-forward: Shazeer, 2020.

Shapes: B rows, T tokens, D width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ingot.model.fusing import fusible


class Projection(nn.Linear):
    """A matrix without bias, applied in the dtype of its input."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def reset_parameters(self) -> None:
        """Draw the weights, where there are any: without memory that is for nothing, and imports torch's compiler."""
        if not self.weight.is_meta:
            super().reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype))


class Table(nn.Embedding):
    """A row for each id."""

    def reset_parameters(self) -> None:
        """Draw the weights, where there are any, see `Projection`."""
        if not self.weight.is_meta:
            super().reset_parameters()


class Norm(nn.Module):
    """Root-mean-square norm over the last dimension, in float32."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return _normed(x, self.weight, self.epsilon)


@fusible
def _normed(x: Tensor, weight_D: Tensor, epsilon: float) -> Tensor:
    return F.rms_norm(x.float(), weight_D.shape, weight_D.float(), epsilon).to(x.dtype)


class FeedForward(nn.Module):
    """Two projections up, one gating the other, and one back down."""

    def __init__(self, width: int, ffn_width: int) -> None:
        super().__init__()
        self.gate_proj = Projection(width, ffn_width)
        self.up_proj = Projection(width, ffn_width)
        self.down_proj = Projection(ffn_width, width)

    def forward(self, x_BTD: Tensor) -> Tensor:
        return _fed(self, x_BTD)


@fusible
def _fed(block: FeedForward, x_BTD: Tensor) -> Tensor:
    hidden: Tensor = block.down_proj(F.silu(block.gate_proj(x_BTD)) * block.up_proj(x_BTD))
    return hidden
