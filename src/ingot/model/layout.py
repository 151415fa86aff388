"""`config.json`: a decoder's sizes as the four published layouts write them, and read back.

It is written the way transformers 5 writes it (rotary settings under `rope_parameters`); older files with a top-level
`rope_theta` and `rope_scaling` are read too, and what a file leaves out is what transformers takes for its family.
A folder whose settings this decoder does not compute (biases, another activation, an unknown kind of rotary scaling,
code of its own) is refused: it would load without complaint and answer wrongly.
Source: the configuration files of transformers 5.23. Nothing here needs torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError, UsageError
from ingot.model.config import Layout, ModelConfig, RopeScaling

ARCHITECTURES: dict[Layout, str] = {
    "mistral": "MistralForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "mixtral": "MixtralForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
}
ROPE_KINDS = ("default", "linear", "yarn", "llama3")
# What transformers takes where a file says nothing.
_THETA = {"mixtral": 1_000_000.0}
_WINDOW = {"mistral": 4096, "qwen3": 4096, "qwen3_moe": 4096}
_QWEN3_HEAD_WIDTH, _QWEN3_FULL_LAYERS = 128, 28


@dataclass(frozen=True)
class SpecialTokens:
    """The ids a text starts and may end with, and the one that fills rows. The first of `ends` ends a document."""

    bos: int
    ends: tuple[int, ...]
    pad: int


def published_config(config: ModelConfig, special: SpecialTokens, dtype: str = "float32") -> dict[str, Any]:
    """Return config.json's content for these sizes. Raises UsageError for what no published layout can say."""
    refuse_what_no_layout_has(config)
    return {
        "architectures": [ARCHITECTURES[config.layout]],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": special.bos,
        "dtype": dtype,
        "eos_token_id": special.ends[0],
        "head_dim": config.head_width,
        "hidden_act": "silu",
        "hidden_size": config.width,
        "initializer_range": 0.02,
        "intermediate_size": config.expert_ffn_width if config.layout == "mixtral" else config.ffn_width,
        "max_position_embeddings": config.context,
        "model_type": config.layout,
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "num_key_value_heads": config.kv_heads,
        "pad_token_id": special.pad,
        "rms_norm_eps": config.norm_epsilon,
        "rope_parameters": _published_rope(config),
        "sliding_window": config.sliding_window,
        "tie_word_embeddings": config.has_tied_embeddings,
        "use_cache": True,
        "vocab_size": config.vocabulary,
        **_published_window(config),
        **_published_experts(config),
    }


def read_config(folder: Path) -> ModelConfig:
    """Read config.json as sizes. Raises InputError when it is unreadable or asks for something this decoder is not."""
    path = folder / "config.json"
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        _refuse_code_of_its_own(fields, path)
        _refuse_what_is_different(fields, path)
        return _sizes(fields)
    except UsageError as error:
        raise InputError(error.what, where=str(path), why="its sizes contradict one another", fix=error.fix) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise InputError(
            "this folder holds no model that can be opened",
            where=str(path),
            why=f"its description cannot be read ({type(error).__name__}: {error})",
            fix="point at a folder with config.json and model.safetensors, as transformers or Ingot writes it",
        ) from error


def refuse_what_no_layout_has(config: ModelConfig) -> None:
    """Raise UsageError for sizes that train here, but that no program could open without code of its own."""
    is_uniform = not config.full_attention_layers or config.layout == "qwen3"
    is_mixtral = config.layout == "mixtral"
    checks = (
        (
            not config.shared_experts,
            "shared experts",
            "set shared_experts to 0 and choose as many experts more per token",
        ),
        (is_uniform, "a window in some layers only", "leave full_attention_layers out, or use the qwen3 layout"),
        (
            not (is_mixtral and config.dense_layers),
            "dense layers among its experts",
            "leave dense_layers out, or set has_qk_norm",
        ),
        (
            not is_mixtral or config.has_normalised_routing,
            "weights that do not sum to one",
            "set has_normalised_routing",
        ),
    )
    for holds, what, fix in checks:
        if not holds:
            raise UsageError(
                f"the {config.layout} layout cannot say: {what}",
                where="model config",
                why="the folder would load elsewhere and answer wrongly without an error",
                fix=fix,
            )


def _published_rope(config: ModelConfig) -> dict[str, Any]:
    scaling = config.rope_scaling
    if scaling is None:
        return {"rope_theta": config.rope_theta, "rope_type": "default"}
    rope: dict[str, Any] = {"rope_theta": config.rope_theta, "rope_type": scaling.kind, "factor": scaling.factor}
    if scaling.kind != "linear":
        low, high = ("beta_slow", "beta_fast") if scaling.kind == "yarn" else ("low_freq_factor", "high_freq_factor")
        rope |= {low: scaling.slow_turns, high: scaling.fast_turns}
        rope["original_max_position_embeddings"] = scaling.original_context
    if scaling.kind == "yarn":
        rope |= {"attention_factor": scaling.attention_factor} if scaling.attention_factor is not None else {}
        rope |= {} if scaling.is_rounded else {"truncate": False}
    return rope


def _published_window(config: ModelConfig) -> dict[str, Any]:
    if config.sliding_window is None or not config.layout.startswith("qwen3"):
        return {}
    if config.layout == "qwen3_moe":
        return {"use_sliding_window": True}
    types = ["sliding_attention" if config.window_of(n) else "full_attention" for n in range(config.layers)]
    # Readers that do not know `layer_types` take the first so many layers as full.
    return {"use_sliding_window": True, "max_window_layers": types.index("sliding_attention"), "layer_types": types}


def _published_experts(config: ModelConfig) -> dict[str, Any]:
    if not config.experts:
        return {}
    shared = {
        "num_experts_per_tok": config.experts_per_token,
        "num_local_experts": config.experts,
        "output_router_logits": False,
        "router_aux_loss_coef": config.balance_loss,
        "router_z_loss_coef": config.router_z_loss,
    }
    if config.layout == "mixtral":
        return {**shared, "router_jitter_noise": 0.0}
    return {
        **shared,
        "decoder_sparse_step": 1,
        "mlp_only_layers": list(config.dense_layers),
        "moe_intermediate_size": config.expert_ffn_width,
        "norm_topk_prob": config.has_normalised_routing,
    }


def _sizes(fields: Mapping[str, Any]) -> ModelConfig:
    layout, heads, layers = fields["model_type"], fields["num_attention_heads"], fields["num_hidden_layers"]
    window, full_layers = _window(fields)
    rope = _rope(fields)
    return ModelConfig(
        vocabulary=fields["vocab_size"],
        width=fields["hidden_size"],
        layers=layers,
        heads=heads,
        kv_heads=fields.get("num_key_value_heads") or heads,
        head_width=_head_width(fields),
        ffn_width=fields["intermediate_size"],
        has_qk_norm=layout.startswith("qwen3"),
        has_tied_embeddings=fields.get("tie_word_embeddings", False),
        rope_theta=float(rope.get("rope_theta") or fields.get("rope_theta") or _THETA.get(layout, 10_000.0)),
        norm_epsilon=fields["rms_norm_eps"],
        context=fields["max_position_embeddings"],
        rope_scaling=_scaling(rope, fields),
        sliding_window=window,
        full_attention_layers=full_layers,
        **(_experts(fields) if layout in ("mixtral", "qwen3_moe") else {}),
    )


def _head_width(fields: Mapping[str, Any]) -> int:
    absent = _QWEN3_HEAD_WIDTH if fields["model_type"] == "qwen3" else None
    return int(fields.get("head_dim", absent) or fields["hidden_size"] // fields["num_attention_heads"])


def _rope(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    # In this order, as in transformers: where both are given, the older name wins.
    return fields.get("rope_scaling") or fields.get("rope_parameters") or {}


def _rope_kind(fields: Mapping[str, Any]) -> str:
    rope = _rope(fields)
    if any(isinstance(value, Mapping) for value in rope.values()):
        return "one per kind of layer"
    return str(rope.get("rope_type", rope.get("type", "default")))


def _scaling(rope: Mapping[str, Any], fields: Mapping[str, Any]) -> RopeScaling | None:
    kind = _rope_kind(fields)
    if kind == "linear":
        return RopeScaling("linear", float(rope["factor"]))
    original = fields.get("original_max_position_embeddings") or rope.get("original_max_position_embeddings")
    original = int(original or fields["max_position_embeddings"])
    if kind == "llama3":
        turns = float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
        return RopeScaling("llama3", float(rope["factor"]), original, *turns)
    if kind == "yarn":
        factor = float(rope.get("factor") or fields["max_position_embeddings"] / original)
        turns = float(rope.get("beta_slow") or 1), float(rope.get("beta_fast") or 32)
        return RopeScaling("yarn", factor, original, *turns, _sharpening(rope, factor), rope.get("truncate", True))
    return None


def _sharpening(rope: Mapping[str, Any], factor: float) -> float | None:
    """Return yarn's attention factor where a file gives it, itself or (DeepSeek's way) as the ratio of two scales."""
    if rope.get("attention_factor") is not None:
        return float(rope["attention_factor"])
    above, below = rope.get("mscale"), rope.get("mscale_all_dim")
    if above and below:
        return float((0.1 * above * math.log(factor) + 1.0) / (0.1 * below * math.log(factor) + 1.0))
    return None


def _window(fields: Mapping[str, Any]) -> tuple[int | None, tuple[int, ...]]:
    """Return the window, and the layers that attend to everything all the same."""
    layout, layers = fields["model_type"], fields["num_hidden_layers"]
    is_used = layout in ("mistral", "mixtral") or fields.get("use_sliding_window", False)
    window = fields.get("sliding_window", _WINDOW.get(layout)) if is_used else None
    if window is None or layout != "qwen3":
        return window, ()
    full = tuple(range(min(fields.get("max_window_layers", _QWEN3_FULL_LAYERS), layers)))
    types: Sequence[str] | None = fields.get("layer_types")
    if types is not None:
        full = tuple(layer for layer, kind in enumerate(types) if kind == "full_attention")
    return (window, full) if len(full) < layers else (None, ())


def _experts(fields: Mapping[str, Any]) -> dict[str, Any]:
    layers, step = range(fields["num_hidden_layers"]), fields.get("decoder_sparse_step", 1)
    is_mixtral = fields["model_type"] == "mixtral"
    without = set(fields.get("mlp_only_layers") or ()) if not is_mixtral else set()
    spaced = {layer for layer in layers if (layer + 1) % step} if not is_mixtral else set()
    return {
        "experts": fields["num_local_experts"] if "num_local_experts" in fields else fields["num_experts"],
        "experts_per_token": fields["num_experts_per_tok"],
        "expert_ffn_width": fields["intermediate_size"] if is_mixtral else fields["moe_intermediate_size"],
        "dense_layers": tuple((without | spaced) & set(layers)),
        "has_normalised_routing": is_mixtral or fields.get("norm_topk_prob", False),
        "balance_loss": float(fields.get("router_aux_loss_coef", 0.001)),
        "router_z_loss": float(fields.get("router_z_loss_coef", 0.001)),
    }


def _refuse_code_of_its_own(fields: Mapping[str, Any], path: Path) -> None:
    if fields.get("auto_map"):
        raise InputError(
            "this model comes with code of its own (auto_map), which is never run",
            where=str(path),
            why="the code could do anything, and without it nobody knows what the weights mean",
            fix=f"use a model of type {' or '.join(ARCHITECTURES)}; if it is one, take auto_map out of config.json",
        )


def _refuse_what_is_different(fields: Mapping[str, Any], path: Path) -> None:
    rope = _rope(fields)
    quantised = (fields.get("quantization_config") or {}).get("quant_method", "of an unknown kind")
    found: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "model_type": (fields.get("model_type"), tuple(ARCHITECTURES)),
        "hidden_act": (fields.get("hidden_act", "silu"), ("silu",)),
        "attention_bias": (fields.get("attention_bias", False), (False,)),
        "rope_type": (_rope_kind(fields), ROPE_KINDS),
        "partial_rotary_factor": (
            rope.get("partial_rotary_factor") or fields.get("partial_rotary_factor") or 1.0,
            (1.0,),
        ),
        "quantization_config": (quantised if fields.get("quantization_config") else None, (None,)),
        "layer_types": (_layer_types(fields), ("as transformers computes them",)),
    }
    for name, (value, accepted) in found.items():
        if value not in accepted:
            raise InputError(
                f"this model has {name} = {value!r}, which the decoder does not compute",
                where=str(path),
                why="opened anyway, it would answer wrongly without an error",
                fix=f"use a model with {name} = {' or '.join(map(repr, accepted))}",
            )


def _layer_types(fields: Mapping[str, Any]) -> Any:
    """Return the layer types where they are none this decoder knows for the family, else a word that says so."""
    types: Sequence[str] | None = fields.get("layer_types")
    known = {"full_attention", "sliding_attention"} if fields.get("model_type") == "qwen3" else set()
    if types is not None and fields.get("model_type") in ARCHITECTURES and not known:
        known = {"full_attention" if _window(fields)[0] is None else "sliding_attention"}
    is_as_long = types is None or len(types) == fields.get("num_hidden_layers")
    if types is None or (is_as_long and set(types) <= known):
        return "as transformers computes them"
    return sorted(set(types)) if is_as_long else f"{len(types)} entries"
