"""The whole model on one page: embed, then per layer attend and feed forward, then norm.

A pre-norm decoder with rotary positions, key heads shared by groups of query heads, and a gated feed-forward; with a
norm on queries and keys its layout is Qwen3's, without it Mistral's. Parameters carry the names those layouts publish,
so a checkpoint needs no table of names. This is single-device code: it knows dtypes, not machines.

Shapes: B rows, T tokens, D width, N query heads, K key heads, H head width, V vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ingot.model.attention import BlockMask, attend, block_mask
from ingot.model.cache import Cache
from ingot.model.config import ModelConfig
from ingot.model.layers import FeedForward, Norm, Projection, Rotation


class Attention(nn.Module):
    """Each token gathers from the tokens before it, in `heads` independent ways."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.config, self.layer = config, layer
        self.q_proj = Projection(config.width, config.heads * config.head_width)
        self.k_proj = Projection(config.width, config.kv_heads * config.head_width)
        self.v_proj = Projection(config.width, config.kv_heads * config.head_width)
        self.o_proj = Projection(config.heads * config.head_width, config.width)
        if config.has_qk_norm:
            self.q_norm = Norm(config.head_width, config.norm_epsilon)
            self.k_norm = Norm(config.head_width, config.norm_epsilon)

    def forward(self, x_BTD: Tensor, rotation: Rotation, mask: BlockMask, cache: Cache | None) -> Tensor:
        rows, tokens, _ = x_BTD.shape
        q_BTNH = self.q_proj(x_BTD).view(rows, tokens, self.config.heads, -1)
        k_BTKH = self.k_proj(x_BTD).view(rows, tokens, self.config.kv_heads, -1)
        v_BTKH = self.v_proj(x_BTD).view(rows, tokens, self.config.kv_heads, -1)
        if self.config.has_qk_norm:
            q_BTNH, k_BTKH = self.q_norm(q_BTNH), self.k_norm(k_BTKH)
        q_BNTH, k_BKTH = rotation(q_BTNH).transpose(1, 2), rotation(k_BTKH).transpose(1, 2)
        v_BKTH = v_BTKH.transpose(1, 2)
        if cache is not None:
            k_BKTH, v_BKTH = cache.extend(self.layer, k_BKTH, v_BKTH)
        y_BNTH = attend(q_BNTH, k_BKTH, v_BKTH, mask)
        y_BTD: Tensor = self.o_proj(y_BNTH.transpose(1, 2).reshape(rows, tokens, -1))
        return y_BTD


class Layer(nn.Module):
    """Attend, then feed forward; each reads a normed copy and adds what it found."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.input_layernorm = Norm(config.width, config.norm_epsilon)
        self.self_attn = Attention(config, layer)
        self.post_attention_layernorm = Norm(config.width, config.norm_epsilon)
        self.mlp = FeedForward(config)

    def forward(self, x_BTD: Tensor, rotation: Rotation, mask: BlockMask, cache: Cache | None) -> Tensor:
        x_BTD = x_BTD + self.self_attn(self.input_layernorm(x_BTD), rotation, mask, cache)
        x_BTD = x_BTD + self.mlp(self.post_attention_layernorm(x_BTD))
        return x_BTD


class Decoder(nn.Module):
    """A language model: token ids in, hidden states out, and `logits` to read the next token's odds from them.

    `dtype` is what it computes in; weights stay in float32 unless they were loaded otherwise.
    """

    def __init__(self, config: ModelConfig, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config, self.dtype = config, dtype
        self.embed_tokens = nn.Embedding(config.vocabulary, config.width)
        self.layers = nn.ModuleList(Layer(config, layer) for layer in range(config.layers))
        self.norm = Norm(config.width, config.norm_epsilon)
        self.lm_head = None if config.has_tied_embeddings else Projection(config.width, config.vocabulary)
        self.apply(self._draw)

    def _draw(self, module: nn.Module) -> None:
        """Draw matrices from a normal of 0.02; those that add to the stream are smaller the more layers add (GPT-2)."""
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, Layer):
            for last in (module.self_attn.o_proj, module.mlp.down_proj):
                nn.init.normal_(last.weight, std=0.02 / (2 * self.config.layers) ** 0.5)

    @property
    def head_weight(self) -> Tensor:
        """The matrix [V, D] that reads logits from hidden states."""
        return self.embed_tokens.weight if self.lm_head is None else self.lm_head.weight

    def forward(self, tokens_BT: Tensor, segments_BT: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """Return hidden states [B, T, D] in the model's dtype.

        With `segments_BT` (which document each token belongs to, documents one behind another) tokens see only their
        own document. With a cache the tokens follow those it has read.
        """
        tokens = tokens_BT.size(1)
        start = 0 if cache is None else cache.length
        x_BTD = self.embed_tokens(tokens_BT).to(self.dtype)
        # Positions count on through a packed row: rotary attention sees only distances, and those are the same.
        rotation = Rotation(self.config, start, tokens, x_BTD.device)
        mask = block_mask(tokens, start + tokens, segments_BT, x_BTD)
        for layer in self.layers:
            x_BTD = layer(x_BTD, rotation, mask, cache)
        if cache is not None:
            cache.advance(tokens)
        hidden_BTD: Tensor = self.norm(x_BTD)
        return hidden_BTD

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """Return the next token's unnormalised log-odds [..., V]."""
        return F.linear(hidden_BTD, self.head_weight.to(hidden_BTD.dtype))
