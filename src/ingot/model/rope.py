"""Rotary positions: how fast each pair of a head turns, and how far it has turned at a position.

Su et al., 2021, in the half-split form of GPT-NeoX that all four published layouts use. A scaled model turns more
slowly, so that positions beyond its training fall among angles it knows. What is computed here is, operation for
operation, what transformers computes: at position 32,768 one rounding more shows in the fifth decimal of the logits.

Shapes: B rows, T tokens, N heads, H head width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ingot.model.config import ModelConfig, RopeScaling
from ingot.model.fusing import fusible


class Rotation:
    """Cosines and sines of every position of one forward pass.

    Computed anew for each pass, in float32: a table kept in the module would be left uninitialised when a model is
    built without memory, and costs more to keep right than to compute.
    """

    def __init__(self, config: ModelConfig, start: int, tokens: int, device: torch.device) -> None:
        positions = torch.arange(start, start + tokens, device=device).float()
        angles = torch.outer(positions, frequencies(config, device))[:, None]
        self.cosine, self.sine = angles.cos(), angles.sin()
        sharpening = attention_factor(config.rope_scaling)
        if sharpening != 1:
            self.cosine, self.sine = self.cosine * sharpening, self.sine * sharpening

    def __call__(self, x_BTNH: Tensor) -> Tensor:
        """Turn each pair (i, i + H/2) of every head by its position's angle."""
        return _turned(x_BTNH, self.cosine, self.sine)


@fusible
def _turned(x_BTNH: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    # Interleaved pairs would load from the same checkpoint without complaint and give wrong logits.
    low, high = x_BTNH.float().chunk(2, dim=-1)
    turned = torch.cat((low * cosine - high * sine, high * cosine + low * sine), dim=-1)
    return turned.to(x_BTNH.dtype)


def frequencies(config: ModelConfig, device: torch.device) -> Tensor:
    """Return the radians per position [H/2] by which each pair of a head turns, in float32."""
    pairs = torch.arange(0, config.head_width, 2, device=device).float() / config.head_width
    turning = 1.0 / config.rope_theta**pairs
    scaling = config.rope_scaling
    if scaling is None:
        return turning
    if scaling.kind == "linear":
        return turning / scaling.factor
    if scaling.kind == "yarn":
        return _yarn(config, scaling, pairs)
    return _llama3(scaling, turning)


def attention_factor(scaling: RopeScaling | None) -> float:
    """Return by what rotated queries and keys grow (Peng et al., 2023, section 3.4); 1 but for yarn."""
    if scaling is None or scaling.kind != "yarn":
        return 1.0
    if scaling.attention_factor is not None:
        return scaling.attention_factor
    return 0.1 * math.log(scaling.factor) + 1.0


def _yarn(config: ModelConfig, scaling: RopeScaling, pairs: Tensor) -> Tensor:
    """Slow down by a ramp over pairs, from none to all (Peng et al., 2023, section 3.2)."""
    periods = config.rope_theta**pairs
    first, last = (_pair_turning(turns, config, scaling) for turns in (scaling.fast_turns, scaling.slow_turns))
    if scaling.is_rounded:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, config.head_width - 1)
    if first == last:
        last += 0.001  # a ramp of no width would divide by zero; the same number as in transformers
    ramp = torch.clamp((torch.arange(len(pairs), device=pairs.device).float() - first) / (last - first), 0, 1)
    kept = 1 - ramp
    return 1.0 / (scaling.factor * periods) * (1 - kept) + 1.0 / periods * kept


def _pair_turning(turns: float, config: ModelConfig, scaling: RopeScaling) -> float:
    """Return the (fractional) pair that turns this often within the original context."""
    wavelengths = math.log(scaling.original_context / (turns * 2 * math.pi))
    return config.head_width * wavelengths / (2 * math.log(config.rope_theta))


def _llama3(scaling: RopeScaling, turning: Tensor) -> Tensor:
    """Slow down by a ramp over turns in the original context, from none to all."""
    waves = 2 * math.pi / turning
    context, low, high = scaling.original_context, scaling.slow_turns, scaling.fast_turns
    slowed = torch.where(waves > context / low, turning / scaling.factor, turning)
    share = (context / waves - low) / (high - low)
    between = (1 - share) * slowed / scaling.factor + share * slowed
    is_between = ~(waves < context / high) & ~(waves > context / low)
    return torch.where(is_between, between, slowed)
