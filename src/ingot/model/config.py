"""The sizes of a decoder, and the arithmetic that follows from them alone.

Four published layouts share these sizes. Dense, it is Qwen3's with a norm on each head's queries and keys (Qwen team,
2025) and Mistral's without (Jiang et al., 2023); with experts it is Qwen3-MoE's and Mixtral's (Jiang et al., 2024).
Nothing here needs torch: planning and recipes count parameters and operations from these numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ingot.core.errors import UsageError

Layout = Literal["mistral", "qwen3", "mixtral", "qwen3_moe"]


@dataclass(frozen=True)
class RopeScaling:
    """How rotary positions reach `factor` times beyond the `original_context` tokens a model was trained on.

    "linear" slows every angle down (Chen et al., 2023). "yarn" slows down those that turn less than `slow_turns` times
    in the original context, leaves those above `fast_turns`, and sharpens attention by `attention_factor` (None: what
    Peng et al., 2023, found). "llama3" does the first two alone (Grattafiori et al., 2024), usually between 1 and 4.
    `is_rounded` widens yarn's range to whole pairs.
    """

    kind: Literal["linear", "yarn", "llama3"]
    factor: float
    original_context: int = 0
    slow_turns: float = 1.0
    fast_turns: float = 32.0
    attention_factor: float | None = None
    is_rounded: bool = True

    def __post_init__(self) -> None:
        if self.factor < 1:
            raise _impossible(
                f"a rope_scaling factor of {self.factor:g} shortens the context", "choose factor 1 or more"
            )
        if self.kind != "linear" and self.original_context < 1:
            what = f"rope_scaling {self.kind!r} needs the context the model was trained on"
            raise _impossible(what, "set original_context, for example to context / factor")
        if self.slow_turns >= self.fast_turns:
            what = f"slow_turns {self.slow_turns:g} is not below fast_turns {self.fast_turns:g}"
            raise _impossible(what, "leave them at 1 and 32, or 1 and 4 for llama3")


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of a decoder. `head_width` is the width of one head, `context` the longest sequence it is meant for.

    A token attends to the last `sliding_window` tokens, itself included, in all layers but `full_attention_layers`.

    With `experts`, every layer but `dense_layers` (which keep `ffn_width`) sends each token to `experts_per_token` of
    that many feed-forwards of `expert_ffn_width`; `shared_experts` more read every token. `has_normalised_routing`:
    the chosen experts' weights sum to one. Load is kept even by a loss with coefficient `balance_loss`, or by a bias
    that moves by `balance_step` of a logit per training step; `router_z_loss` keeps router logits small.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    ffn_width: int
    has_qk_norm: bool = True
    has_tied_embeddings: bool = True
    rope_theta: float = 10_000.0
    norm_epsilon: float = 1e-6
    context: int = 2048
    rope_scaling: RopeScaling | None = None
    sliding_window: int | None = None
    full_attention_layers: tuple[int, ...] = ()
    experts: int = 0
    experts_per_token: int = 0
    expert_ffn_width: int = 0
    shared_experts: int = 0
    dense_layers: tuple[int, ...] = ()
    has_normalised_routing: bool = True
    balance: Literal["loss", "bias"] = "loss"
    balance_loss: float = 0.01
    balance_step: float = 0.001
    router_z_loss: float = 0.001

    def __post_init__(self) -> None:
        # What a JSON file holds as a list or an object is brought to the form that compares equal.
        for name in ("full_attention_layers", "dense_layers"):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))
        given: Any = self.rope_scaling
        if isinstance(given, Mapping):
            object.__setattr__(self, "rope_scaling", RopeScaling(**given))
        _check_sizes(self)
        _check_window(self)
        _check_experts(self)

    @property
    def layout(self) -> Layout:
        """The published layout these sizes belong to."""
        if self.experts:
            return "qwen3_moe" if self.has_qk_norm else "mixtral"
        return "qwen3" if self.has_qk_norm else "mistral"

    def window_of(self, layer: int) -> int | None:
        """Return how many tokens a layer attends to, or None for all."""
        return None if layer in self.full_attention_layers else self.sliding_window

    def has_experts(self, layer: int) -> bool:
        """Whether a layer's feed-forward is a mixture of experts."""
        return self.experts > 0 and layer not in self.dense_layers

    @property
    def moe_layers(self) -> int:
        """How many layers have experts."""
        return self.layers - len(self.dense_layers) if self.experts else 0

    @property
    def matmul_parameters(self) -> int:
        """Weights one token is multiplied with: its experts alone, and the head, whether or not it is tied."""
        attention = 2 * self.width * self.head_width * (self.heads + self.kv_heads)
        dense = (self.layers - self.moe_layers) * 3 * self.width * self.ffn_width
        active = (self.experts_per_token + self.shared_experts) * self._expert_parameters + self.experts * self.width
        return self.layers * attention + dense + self.moe_layers * active + self.vocabulary * self.width

    @property
    def parameters(self) -> int:
        """Every trained number, tied embeddings counted once."""
        idle = self.moe_layers * (self.experts - self.experts_per_token) * self._expert_parameters
        return self.active_parameters + idle

    @property
    def active_parameters(self) -> int:
        """The parameters without the experts a token does not meet; all of them in a dense model."""
        qk_norms = 2 * self.head_width if self.has_qk_norm else 0
        norms = self.layers * (2 * self.width + qk_norms) + self.width
        embeddings = 0 if self.has_tied_embeddings else self.vocabulary * self.width
        return self.matmul_parameters + embeddings + norms

    @property
    def _expert_parameters(self) -> int:
        return 3 * self.width * self.expert_ffn_width

    def flops_per_token(self, sequence_length: int) -> float:
        """Operations to train on one token, forward and backward, as the mean over a causal sequence.

        Six per weight it meets (Kaplan et al., 2020, section 2.1) and, per layer and head, two products of the keys it
        attends to: half the sequence, or less through a window.
        """
        keys = sum(_mean_keys(sequence_length, self.window_of(layer)) for layer in range(self.layers))
        return 6.0 * self.matmul_parameters + 12 * self.heads * self.head_width * keys


def _mean_keys(length: int, window: int | None) -> float:
    """Return how many keys a token of a causal sequence meets in the mean, the small half of its own left out."""
    seen = min(length, window or length)
    return seen - seen * seen / (2 * length)


def _check_sizes(config: ModelConfig) -> None:
    for name in ("vocabulary", "width", "layers", "heads", "kv_heads", "head_width", "ffn_width", "context"):
        if getattr(config, name) < 1:
            raise _impossible(f"{name} is {getattr(config, name)}", f"{name} must be at least 1")
    if config.heads % config.kv_heads:
        shares = f"{config.heads} query heads cannot share {config.kv_heads} key heads equally"
        raise _impossible(shares, f"kv_heads = {_nearest_divisor(config.heads, config.kv_heads)} divides heads")
    if config.head_width % 2:
        odd = f"head_width {config.head_width} is odd, and rotary positions turn pairs of numbers"
        raise _impossible(odd, f"choose an even head_width, such as {config.head_width + 1}")


def _check_window(config: ModelConfig) -> None:
    if config.sliding_window is not None and config.sliding_window < 1:
        what = f"a token would attend to {config.sliding_window} tokens"
        raise _impossible(what, "set sliding_window to at least 1, or leave it out to attend to all tokens")
    if config.full_attention_layers and config.sliding_window is None:
        raise _impossible("full_attention_layers without a sliding_window", "leave full_attention_layers out")
    _check_layers("full_attention_layers", config.full_attention_layers, config)
    if len(config.full_attention_layers) == config.layers:
        what = "no layer uses the sliding_window"
        raise _impossible(what, "leave sliding_window and full_attention_layers out")


def _check_experts(config: ModelConfig) -> None:
    if not config.experts:
        for name in ("experts_per_token", "expert_ffn_width", "shared_experts", "dense_layers"):
            if getattr(config, name):
                raise _impossible(
                    f"{name} is {getattr(config, name)} without experts", f"set experts, or leave {name} out"
                )
        return
    if config.experts < 2:
        raise _impossible(f"{config.experts} experts leave nothing to choose", "set experts to at least 2, or to 0")
    if not 1 <= config.experts_per_token <= config.experts:
        what = f"a token cannot go to {config.experts_per_token} of {config.experts} experts"
        raise _impossible(what, f"set experts_per_token to {min(max(config.experts_per_token, 1), config.experts)}")
    if config.expert_ffn_width < 1:
        as_dense = max(config.ffn_width // config.experts_per_token, 1)
        what = f"expert_ffn_width is {config.expert_ffn_width}"
        raise _impossible(
            what, f"with {as_dense} a token costs what a dense layer of ffn_width {config.ffn_width} does"
        )
    for name in ("shared_experts", "balance_loss", "balance_step", "router_z_loss"):
        if getattr(config, name) < 0:
            raise _impossible(f"{name} is {getattr(config, name)}", f"set {name} to 0 to do without")
    _check_layers("dense_layers", config.dense_layers, config)
    if not config.moe_layers:
        raise _impossible("every layer is in dense_layers", "set experts to 0, or leave a layer out of dense_layers")


def _check_layers(name: str, layers: tuple[int, ...], config: ModelConfig) -> None:
    outside = [layer for layer in layers if not 0 <= layer < config.layers]
    if outside:
        what = f"{name} names layer {outside[0]} of a model of {config.layers}"
        raise _impossible(what, f"layers are counted from 0 to {config.layers - 1}")


def _nearest_divisor(whole: int, wanted: int) -> int:
    return min((part for part in range(1, whole + 1) if whole % part == 0), key=lambda part: abs(part - wanted))


def _impossible(what: str, fix: str) -> UsageError:
    return UsageError(f"this model cannot be built: {what}", where="model config", fix=fix)
