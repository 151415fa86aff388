"""The decoder as one graph of plain operations, for formats that store a graph: keys and values come in and go out.

`model.decoder` is written to train fast: it cuts attention into blocks, and experts into the rows they got. Here is the
same arithmetic without a branch that depends on a size or a number, so that one recorded pass is right for every
length. Every expert computes every token, and those not chosen weigh nothing: equal results, experts / chosen times the
work. The inputs are those that exports of decoders have in common, so that programs which know one know this one.

Shapes: B rows, T new tokens, P tokens before, S = P + T, D width, N query heads, K key heads, G = N / K, H head width,
E experts, F expert width, V vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ingot.model.decoder import Attention, Decoder, Layer
from ingot.model.layers import FeedForward, Norm
from ingot.model.moe import MixtureOfExperts
from ingot.model.rope import attention_factor, frequencies

_CLOSED = -3.0e38  # added to a score; an infinity would make a row without any open key undefined


class Graph(nn.Module):
    """Reads `input_ids` [B, T], `attention_mask` [B, S] (1: a token, 0: padding), `position_ids` [B, T] and the past.

    The past holds keys and values of each layer, [B, K, P, H]; returned are logits [B, T, V], and keys and values
    [B, K, S, H] of each layer.
    """

    frequencies: Tensor

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder
        self.sharpening = attention_factor(decoder.config.rope_scaling)
        self.register_buffer("frequencies", frequencies(decoder.config, torch.device("cpu")))

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, past: list[Tensor]
    ) -> tuple[Tensor, ...]:
        angles_BTH = position_ids.float()[..., None] * self.frequencies
        turn = angles_BTH.cos()[:, None] * self.sharpening, angles_BTH.sin()[:, None] * self.sharpening
        x_BTD = self.decoder.embed_tokens(input_ids)
        present: list[Tensor] = []
        for number, layer in enumerate(self.decoder.layers):
            assert isinstance(layer, Layer)
            window = self.decoder.config.window_of(number)
            bias_B1TS = _bias(attention_mask, input_ids.size(1), window)
            before = past[2 * number], past[2 * number + 1]
            y_BTD, now = _attended(layer.self_attn, _normed(layer.input_layernorm, x_BTD), turn, bias_B1TS, before)
            x_BTD = x_BTD + y_BTD
            x_BTD = x_BTD + _fed(layer.mlp, _normed(layer.post_attention_layernorm, x_BTD))
            present += now
        hidden_BTD = _normed(self.decoder.norm, x_BTD)
        return (F.linear(hidden_BTD, self.decoder.head_weight), *present)


def _bias(mask_BS: Tensor, queries: int, window: int | None) -> Tensor:
    """Return what is added to scores [B, 1, T, S]: 0 where a token may attend."""
    keys = mask_BS.size(1)
    key_S = torch.arange(keys, device=mask_BS.device)
    query_T1 = (torch.arange(queries, device=mask_BS.device) + (keys - queries))[:, None]
    is_open_TS = key_S <= query_T1
    if window is not None:
        is_open_TS = is_open_TS & (key_S > query_T1 - window)
    is_open_B1TS = is_open_TS & (mask_BS[:, None, None, :] > 0)
    return torch.where(is_open_B1TS, 0.0, _CLOSED)


def _normed(norm: Norm, x: Tensor) -> Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + norm.epsilon) * norm.weight


def _turned(x_BNTH: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    (cosine, sine), (low, high) = turn, x_BNTH.chunk(2, dim=-1)
    return torch.cat((low * cosine - high * sine, high * cosine + low * sine), dim=-1)


def _attended(
    block: Attention, x_BTD: Tensor, turn: tuple[Tensor, Tensor], bias_B1TS: Tensor, before: tuple[Tensor, Tensor]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    config = block.config
    q_BTNH = block.q_proj(x_BTD).unflatten(-1, (config.heads, config.head_width))
    k_BTKH = block.k_proj(x_BTD).unflatten(-1, (config.kv_heads, config.head_width))
    v_BTKH = block.v_proj(x_BTD).unflatten(-1, (config.kv_heads, config.head_width))
    if config.has_qk_norm:
        q_BTNH, k_BTKH = _normed(block.q_norm, q_BTNH), _normed(block.k_norm, k_BTKH)
    q_BNTH = _turned(q_BTNH.transpose(1, 2), turn) * config.head_width**-0.5
    k_BKSH = torch.cat((before[0], _turned(k_BTKH.transpose(1, 2), turn)), dim=2)
    v_BKSH = torch.cat((before[1], v_BTKH.transpose(1, 2)), dim=2)
    q_BKGTH = q_BNTH.unflatten(1, (config.kv_heads, config.heads // config.kv_heads))
    scores_BKGTS = q_BKGTH @ k_BKSH[:, :, None].transpose(-1, -2) + bias_B1TS[:, :, None]
    y_BKGTH = torch.softmax(scores_BKGTS, dim=-1) @ v_BKSH[:, :, None]
    y_BTD: Tensor = block.o_proj(y_BKGTH.flatten(1, 2).transpose(1, 2).flatten(2))
    return y_BTD, (k_BKSH, v_BKSH)


def _fed(block: nn.Module, x_BTD: Tensor) -> Tensor:
    if isinstance(block, MixtureOfExperts):
        return _mixed(block, x_BTD)
    assert isinstance(block, FeedForward)
    hidden: Tensor = block.down_proj(F.silu(block.gate_proj(x_BTD)) * block.up_proj(x_BTD))
    return hidden


def _mixed(block: MixtureOfExperts, x_BTD: Tensor) -> Tensor:
    config, experts = block.gate.config, block.experts
    odds_BTE = torch.softmax(F.linear(x_BTD, block.gate.weight), dim=-1)
    weights_BTK, chosen_BTK = odds_BTE.topk(config.experts_per_token, dim=-1)
    if config.has_normalised_routing:
        weights_BTK = weights_BTK / weights_BTK.sum(-1, keepdim=True)
    weights_BTE = torch.zeros_like(odds_BTE).scatter(-1, chosen_BTK, weights_BTK)
    x_B1TD = x_BTD[:, None]
    hidden_BETF = F.silu(x_B1TD @ experts.gate_proj.mT) * (x_B1TD @ experts.up_proj.mT)
    y_BETD = hidden_BETF @ experts.down_proj.mT
    return (y_BETD * weights_BTE.transpose(1, 2)[..., None]).sum(1)
