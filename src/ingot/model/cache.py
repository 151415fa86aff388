"""Keys and values of the tokens already read, so that generating one more token reads only that token.

One tensor per layer holds room for `capacity` tokens; `length` says how much of it is filled. A row costs
2 x layers x kv_heads x head_width x capacity numbers.

Shapes: B rows, K key heads, T new tokens, S tokens so far, C capacity, H head width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ingot.model.config import ModelConfig


class Cache:
    """Keys and values per layer, filled from the left. `forward` of the decoder advances it."""

    def __init__(
        self,
        config: ModelConfig,
        capacity: int,
        rows: int = 1,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (config.layers, 2, rows, config.kv_heads, capacity, config.head_width)
        self._room = torch.zeros(shape, dtype=dtype, device=device)
        self.capacity = capacity
        self.length = 0

    def extend(self, layer: int, k_BKTH: Tensor, v_BKTH: Tensor) -> tuple[Tensor, Tensor]:
        """Store one layer's new keys and values behind the filled part and return all of them, new ones included."""
        end = self.length + k_BKTH.size(2)
        assert end <= self.capacity, f"{end} tokens do not fit a cache of {self.capacity}"
        keys_BKCH, values_BKCH = self._room[layer, 0], self._room[layer, 1]
        keys_BKCH[:, :, self.length : end] = k_BKTH
        values_BKCH[:, :, self.length : end] = v_BKTH
        return keys_BKCH[:, :, :end], values_BKCH[:, :, :end]

    def advance(self, tokens: int) -> None:
        """Count new tokens as read, once every layer has stored its part."""
        self.length += tokens

    def rewind(self, length: int) -> None:
        """Forget everything after the first `length` tokens, to read another continuation of the same beginning."""
        assert 0 <= length <= self.length, f"cannot rewind a cache of {self.length} tokens to {length}"
        self.length = length

    def begin_as(self, other: Cache, length: int) -> None:
        """Hold the first `length` tokens of another cache of the same model, as if they had been read here."""
        assert length <= min(other.length, self.capacity), f"{length} tokens are not in both caches"
        self._room[..., :length, :] = other._room[..., :length, :]
        self.length = length
