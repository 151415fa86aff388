"""The small parts of the decoder: a projection, the norm, rotary positions and the gated feed-forward.

Weights are kept in float32 and cast to the dtype of what they meet, so an optimiser step is never lost to rounding.
Norms compute in float32 whatever comes in.
Norm: Zhang and Sennrich, 2019. Rotary positions: Su et al., 2021, in the half-split form of GPT-NeoX that both
published layouts use. Gated feed-forward: Shazeer, 2020.

Shapes: B rows, T tokens, N heads, H head width, D width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ingot.model.config import ModelConfig


class Projection(nn.Linear):
    """A matrix without bias, applied in the dtype of its input."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype))


class Norm(nn.Module):
    """Root-mean-square norm over the last dimension, in float32."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.float(), self.weight.shape, self.weight.float(), self.epsilon).to(x.dtype)


class FeedForward(nn.Module):
    """Two projections up, one gating the other, and one back down."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = Projection(config.width, config.ffn_width)
        self.up_proj = Projection(config.width, config.ffn_width)
        self.down_proj = Projection(config.ffn_width, config.width)

    def forward(self, x_BTD: Tensor) -> Tensor:
        hidden: Tensor = self.down_proj(F.silu(self.gate_proj(x_BTD)) * self.up_proj(x_BTD))
        return hidden


class Rotation:
    """Cosines and sines of every position of one forward pass.

    Computed anew for each pass, in float32: a table kept in the module would be left uninitialised when a model is
    built without memory, and costs more to keep right than to compute.
    """

    def __init__(self, config: ModelConfig, start: int, tokens: int, device: torch.device) -> None:
        pairs = torch.arange(0, config.head_width, 2, device=device).float() / config.head_width
        positions = torch.arange(start, start + tokens, device=device).float()
        angles = torch.outer(positions, 1.0 / config.rope_theta**pairs)[:, None]
        self.cosine, self.sine = angles.cos(), angles.sin()

    def __call__(self, x_BTNH: Tensor) -> Tensor:
        """Turn each pair (i, i + H/2) of every head by its position's angle."""
        # Interleaved pairs would load from the same checkpoint without complaint and give wrong logits.
        low, high = x_BTNH.float().chunk(2, dim=-1)
        turned = torch.cat((low * self.cosine - high * self.sine, high * self.cosine + low * self.sine), dim=-1)
        return turned.to(x_BTNH.dtype)
