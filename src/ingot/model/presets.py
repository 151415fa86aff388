"""Models with a name: sizes from a million parameters to four hundred billion, published ones and our own.

A published preset is what its config.json says, so that weights of that model fit. Our own have Qwen3's layout and are
named for all their parameters, the token table included; their shapes follow the rules of Qwen3 (Qwen team, 2025):
heads of 64 or 128, shared keys and values, a gated feed-forward of about 8/3 the width, tied tables up to 1b.
Nothing here needs torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ingot.core.errors import UsageError, suggest
from ingot.model.config import ModelConfig


@dataclass(frozen=True)
class Preset:
    """A model's sizes and the published model they are of; `source` is empty for our own."""

    name: str
    model: ModelConfig
    source: str = ""


def preset(name: str) -> Preset:
    """Return the preset of this name, in upper or lower case. Raises UsageError naming the nearest."""
    if name.lower() not in PRESETS:
        raise UsageError(f"there is no model preset {name!r}", where="presets", fix=suggest(name.lower(), PRESETS))
    return PRESETS[name.lower()]


def _own(
    vocabulary: int, width: int, layers: int, heads: tuple[int, int], ffn_width: int, context: int, **more: Any
) -> ModelConfig:
    return ModelConfig(
        *(vocabulary, width, layers, *heads, 64 if width < 2048 else 128, ffn_width),
        has_tied_embeddings=width < 3072,
        rope_theta=10_000.0 if context <= 4096 else 1_000_000.0,
        context=context,
        **more,
    )


def _mistral(
    vocabulary: int, width: int, layers: int, heads: int, ffn_width: int, context: int, **more: Any
) -> ModelConfig:
    sizes = ModelConfig(
        *(vocabulary, width, layers, heads, 8, 128, ffn_width),
        has_qk_norm=False,
        has_tied_embeddings=False,
        rope_theta=1_000_000.0,
        norm_epsilon=1e-5,
        context=context,
    )
    return replace(sizes, **more)


def _mixtral(
    vocabulary: int, width: int, layers: int, heads: int, ffn_width: int, context: int, loss: float
) -> ModelConfig:
    experts = {"experts": 8, "experts_per_token": 2, "expert_ffn_width": ffn_width, "balance_loss": loss}
    return _mistral(vocabulary, width, layers, heads, ffn_width, context, **experts)


def _qwen3(width: int, layers: int, heads: int, ffn_width: int, **more: Any) -> ModelConfig:
    sizes = ModelConfig(
        *(151_936, width, layers, heads, 8, 128, ffn_width),
        has_tied_embeddings=False,
        rope_theta=1_000_000.0,
        context=40_960,
    )
    return replace(sizes, **more)


def _qwen3_moe(
    width: int, layers: int, heads: int, ffn_width: int, expert_ffn_width: int, experts: int = 128, **more: Any
) -> ModelConfig:
    mixture = {"experts": experts, "experts_per_token": 8, "expert_ffn_width": expert_ffn_width, "balance_loss": 0.001}
    return _qwen3(width, layers, heads, ffn_width, **{"kv_heads": 4, **mixture, **more})


_OWN = {
    "1m": _own(4096, 128, 3, (2, 1), 384, 1024),
    "3m": _own(8192, 192, 4, (3, 1), 512, 1024),
    "10m": _own(8192, 320, 7, (5, 1), 896, 2048),
    "30m": _own(16_384, 512, 7, (8, 4), 1408, 2048),
    "100m": _own(32_768, 768, 12, (12, 4), 2048, 4096),
    "300m": _own(32_768, 1024, 22, (16, 8), 2816, 4096),
    "1b": _own(32_768, 2048, 20, (16, 8), 5632, 4096),
    "3b": _own(32_768, 3072, 28, (24, 8), 8192, 8192),
    # 64 layers, 128 experts and 8 key heads: every usual number of machines divides them.
    "400b-a32b": _own(
        *(131_072, 5120, 64, (64, 8), 13_824, 32_768), experts=128, experts_per_token=8, expert_ffn_width=3072
    ),
}

_PUBLISHED = {
    "mistralai/Mistral-7B-v0.1": _mistral(
        *(32_000, 4096, 32, 32, 14_336, 32_768), rope_theta=10_000.0, sliding_window=4096
    ),
    "mistralai/Mistral-7B-v0.3": _mistral(32_768, 4096, 32, 32, 14_336, 32_768),
    "mistralai/Mistral-Nemo-Base-2407": _mistral(131_072, 5120, 40, 32, 14_336, 131_072),
    "mistralai/Mistral-Small-24B-Base-2501": _mistral(
        *(131_072, 5120, 40, 32, 32_768, 32_768), rope_theta=100_000_000.0
    ),
    "mistralai/Mixtral-8x7B-v0.1": _mixtral(32_000, 4096, 32, 32, 14_336, 32_768, loss=0.02),
    "mistralai/Mixtral-8x22B-v0.1": _mixtral(32_000, 6144, 56, 48, 16_384, 65_536, loss=0.001),
    "Qwen/Qwen3-0.6B": _qwen3(1024, 28, 16, 3072, has_tied_embeddings=True),
    "Qwen/Qwen3-1.7B": _qwen3(2048, 28, 16, 6144, has_tied_embeddings=True),
    "Qwen/Qwen3-4B": _qwen3(2560, 36, 32, 9728, has_tied_embeddings=True),
    "Qwen/Qwen3-8B": _qwen3(4096, 36, 32, 12_288),
    "Qwen/Qwen3-14B": _qwen3(5120, 40, 40, 17_408),
    "Qwen/Qwen3-32B": _qwen3(5120, 64, 64, 25_600),
    "Qwen/Qwen3-30B-A3B": _qwen3_moe(2048, 48, 32, 6144, 768),
    "Qwen/Qwen3-235B-A22B": _qwen3_moe(4096, 94, 64, 12_288, 1536),
    "Qwen/Qwen3-Coder-480B-A35B-Instruct": _qwen3_moe(
        *(6144, 62, 96, 8192, 2560), experts=160, kv_heads=8, rope_theta=10_000_000.0, context=262_144
    ),
}

PRESETS = {
    made.name: made
    for made in (
        *(Preset(name, model) for name, model in _OWN.items()),
        *(Preset(source.rpartition("/")[2].lower(), model, source) for source, model in _PUBLISHED.items()),
    )
}
