"""The whole model on one page: embed, then per layer attend and feed forward, then norm.

A pre-norm decoder with rotary positions, key heads shared by groups of query heads, and a gated feed-forward or a
mixture of them; `config.layout` says whose published layout it is. Parameters carry the names those layouts publish,
experts stacked. This is single-device code: it knows dtypes, not machines.

What routers ask of the loss is handed out beside the hidden states, for the last pass: an objective whose loss is a sum
over `count` targets adds `count * decoder.router_loss()`, and a trainer that balances by bias sums `expert_load()` over
the pieces of a step and calls `moe.update_balance` once after it.

Shapes: B rows, T tokens, D width, N query heads, K key heads, H head width, V vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ingot.model.attention import BlockMask, attend, block_mask
from ingot.model.cache import Cache
from ingot.model.config import ModelConfig
from ingot.model.fusing import fusible
from ingot.model.layers import FeedForward, Norm, Projection, Table, is_drawn
from ingot.model.moe import Experts, MixtureOfExperts, Router, Routing, router_loss
from ingot.model.rope import Rotation


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
        q_BNTH, k_BKTH, v_BKTH = _heads(self, x_BTD, rotation)
        if cache is not None:
            k_BKTH, v_BKTH = cache.extend(self.layer, k_BKTH, v_BKTH)
        y_BNTH = attend(q_BNTH, k_BKTH, v_BKTH, mask)
        y_BTD: Tensor = self.o_proj(y_BNTH.transpose(1, 2).flatten(2))
        return y_BTD


@fusible
def _heads(block: Attention, x_BTD: Tensor, rotation: Rotation) -> tuple[Tensor, Tensor, Tensor]:
    """Return rotated queries [B, N, T, H] and keys, and values, [B, K, T, H]."""
    q_BTNH = block.q_proj(x_BTD).unflatten(-1, (block.config.heads, -1))
    k_BTKH = block.k_proj(x_BTD).unflatten(-1, (block.config.kv_heads, -1))
    v_BTKH = block.v_proj(x_BTD).unflatten(-1, (block.config.kv_heads, -1))
    if block.config.has_qk_norm:
        q_BTNH, k_BTKH = block.q_norm(q_BTNH), block.k_norm(k_BTKH)
    return rotation(q_BTNH).transpose(1, 2), rotation(k_BTKH).transpose(1, 2), v_BTKH.transpose(1, 2)


class Layer(nn.Module):
    """Attend, then feed forward; each reads a normed copy and adds what it found.

    Returns the stream and, where the feed-forward is a mixture of experts, what its router did.
    """

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.input_layernorm = Norm(config.width, config.norm_epsilon)
        self.self_attn = Attention(config, layer)
        self.post_attention_layernorm = Norm(config.width, config.norm_epsilon)
        is_mixture = config.has_experts(layer)
        self.mlp = MixtureOfExperts(config) if is_mixture else FeedForward(config.width, config.ffn_width)

    def forward(
        self, x_BTD: Tensor, rotation: Rotation, mask: BlockMask, cache: Cache | None = None
    ) -> tuple[Tensor, Routing | None]:
        y_BTD = self.self_attn(self.input_layernorm(x_BTD), rotation, mask, cache)
        x_BTD, normed_BTD = _added(self.post_attention_layernorm, x_BTD, y_BTD)
        if isinstance(self.mlp, FeedForward):
            return x_BTD + self.mlp(normed_BTD), None
        y_BTD, routing = self.mlp(normed_BTD)
        return x_BTD + y_BTD, routing


@fusible
def _added(norm: Norm, x_BTD: Tensor, y_BTD: Tensor) -> tuple[Tensor, Tensor]:
    """Return the stream with what was found, and its normed copy."""
    x_BTD = x_BTD + y_BTD
    return x_BTD, norm(x_BTD)


class Decoder(nn.Module):
    """A language model: token ids in, hidden states out, and `logits` to read the next token's odds from them.

    `dtype` is what it computes in; weights stay in float32 unless they were loaded otherwise.
    """

    def __init__(self, config: ModelConfig, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config, self.dtype = config, dtype
        self.embed_tokens = Table(config.vocabulary, config.width)
        self.layers = nn.ModuleList(Layer(config, layer) for layer in range(config.layers))
        self.norm = Norm(config.width, config.norm_epsilon)
        self.lm_head = None if config.has_tied_embeddings else Projection(config.width, config.vocabulary)
        self.routing: tuple[Routing, ...] = ()
        if is_drawn():
            self.draw()

    def draw(self) -> None:
        """Draw all weights anew, as a new decoder has them; for one that was built without memory, too."""
        self.apply(self._draw)

    def _draw(self, module: nn.Module) -> None:
        """Draw matrices from a normal of 0.02; those that add to the stream are smaller the more layers add (GPT-2)."""
        small = 0.02 / (2 * self.config.layers) ** 0.5
        if isinstance(module, nn.Linear | nn.Embedding | Router):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, Norm):
            nn.init.ones_(module.weight)
        if isinstance(module, Router) and self.config.balance == "bias":
            nn.init.zeros_(module.balance_bias)
        if isinstance(module, Experts):
            for weight, std in ((module.gate_proj, 0.02), (module.up_proj, 0.02), (module.down_proj, small)):
                nn.init.normal_(weight, std=std)
        if isinstance(module, Layer):
            nn.init.normal_(module.self_attn.o_proj.weight, std=small)
            shared = module.mlp if isinstance(module.mlp, FeedForward) else module.mlp.shared_experts
            if shared is not None:
                nn.init.normal_(shared.down_proj.weight, std=small)

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
        masks = {
            window: block_mask(tokens, start + tokens, segments_BT, x_BTD, window)
            for window in {self.config.window_of(layer) for layer in range(self.config.layers)}
        }
        routings = []
        for number, layer in enumerate(self.layers):
            x_BTD, routing = layer(x_BTD, rotation, masks[self.config.window_of(number)], cache)
            routings.append(routing)
        self.routing = tuple(routing for routing in routings if routing is not None)
        if cache is not None:
            cache.advance(tokens)
        hidden_BTD: Tensor = self.norm(x_BTD)
        return hidden_BTD

    def logits(self, hidden_BTD: Tensor) -> Tensor:
        """Return the next token's unnormalised log-odds [..., V]."""
        return F.linear(hidden_BTD, self.head_weight.to(hidden_BTD.dtype))

    def router_loss(self) -> Tensor | float:
        """Return what routers add to the loss of the last pass, as a mean per token; 0.0 without experts."""
        return router_loss(self.routing, self.config)

    def expert_load(self) -> Tensor:
        """Return how many tokens each expert read in the last pass, [MoE layers, experts]."""
        return torch.stack([routing.tokens_E for routing in self.routing])
