"""The small parts of the decoder: a projection, the norm and the gated feed-forward.

Weights are kept in float32 and cast to the dtype of what they meet, so an optimiser step is never lost to rounding.
Norms compute in float32 whatever comes in.
Norm: Zhang and Sennrich, 2019. Gated feed-forward: Shazeer, 2020.

Shapes: B rows, T tokens, D width.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ingot.model.fusing import fusible

_IS_DRAWN = ContextVar("whether new modules draw their weights", default=True)


@contextlib.contextmanager
def undrawn() -> Iterator[None]:
    """Inside, new modules leave their weights as memory happens to be: for those that are read from a file anyhow.

    To draw where there is no memory is for nothing as well, and imports torch's compiler, for more than a second.
    """
    before = _IS_DRAWN.set(False)
    try:
        yield
    finally:
        _IS_DRAWN.reset(before)


def is_drawn() -> bool:
    """Say whether new modules draw their weights."""
    return _IS_DRAWN.get()


class Projection(nn.Linear):
    """A matrix without bias, applied in the dtype of its input."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def reset_parameters(self) -> None:
        """Draw the weights, unless they are to be left."""
        if is_drawn():
            super().reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype))


class Table(nn.Embedding):
    """A row for each id."""

    def reset_parameters(self) -> None:
        """Draw the weights, unless they are to be left."""
        if is_drawn():
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
