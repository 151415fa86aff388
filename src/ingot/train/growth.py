"""A larger model that answers as the smaller one does, to go on training from.

Deeper: new layers are copies spread among the old ones, whose projections into the stream are zero; each adds nothing
until it learns (Wu et al., 2024, "LLaMA Pro"). Wider: the stream, the heads and the feed-forwards are repeated, and
every matrix that reads a repeated input is divided among the copies (Chen et al., 2016, "Net2Net"), in unequal parts,
because equal copies would get equal gradients for ever. Into experts: every feed-forward becomes so many copies of
itself; a token's experts agree and their weights sum to one, whatever the router says (Komatsuzaki et al., 2023).

Depth is exact. Width and experts are equal up to the rounding of sums taken in another order.

Shapes: the names of a parameter's axes say what is repeated: D stream, N query heads, K key heads, F feed-forward.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig
from ingot.model.convert import load
from ingot.model.decoder import Decoder
from ingot.train.config import GrowConfig
from ingot.train.publishing import model_facts, publish

_INTO_STREAM = ("o_proj.weight", "mlp.down_proj.weight", "experts.down_proj", "shared_experts.down_proj.weight")
# Axes of each parameter by the end of its name: `+` is repeated, `/` is divided among the copies, `.` stays.
_AXES = {
    "embed_tokens.weight": ".+",
    "lm_head.weight": "./",
    "layernorm.weight": "+",
    "q_norm.weight": ".",
    "k_norm.weight": ".",
    "q_proj.weight": "+/",
    "k_proj.weight": "+/",
    "v_proj.weight": "+/",
    "o_proj.weight": "+/",
    "mlp.gate.weight": "./",
    "gate_proj.weight": "+/",
    "up_proj.weight": "+/",
    "down_proj.weight": "+/",
    "experts.gate_proj": ".+/",
    "experts.up_proj": ".+/",
    "experts.down_proj": ".+/",
    "balance_bias": ".",
}
_UNEVEN = 0.2  # parts of a weight are drawn this far around equal ones
_MATRICES = ("gate_proj", "up_proj", "down_proj")


def grow(config: GrowConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Grow the model `start` as the config says: first wider, then deeper, then into experts; written in fp32."""
    start = inputs["start"].path
    decoder = load(start)
    generator = torch.Generator().manual_seed(config.seed)
    if config.width_factor > 1:
        decoder = wider(decoder, config.width_factor, generator)
    if config.layers:
        decoder = deeper(decoder, config.layers)
    if config.experts:
        decoder = with_experts(decoder, config.experts, config.experts_per_token, generator)
    publish(decoder, start, context.folder)
    return model_facts(decoder)


@torch.no_grad()
def deeper(decoder: Decoder, more: int) -> Decoder:
    """Return a decoder of `more` layers more, which compute nothing yet; the same logits, to the bit."""
    old = decoder.config.layers
    if more > old:
        raise UsageError(
            f"{more} new layers are more than the {old} there are",
            where="grow, option layers",
            why="each is a copy of one layer, beside it",
            fix=f"grow by {old} layers at most, train, and grow again",
        )
    # The layer each new one is a copy of, spread evenly from the last down to the first.
    copied = {old - 1 - number * old // more for number in range(more)}
    origins = [(layer, is_new) for layer in range(old) for is_new in ((False, True) if layer in copied else (False,))]
    config = decoder.config
    moved = {
        name: tuple(place for place, (layer, _) in enumerate(origins) if layer in getattr(config, name))
        for name in ("full_attention_layers", "dense_layers")
    }
    full, dense = moved["full_attention_layers"], moved["dense_layers"]
    config = replace(config, layers=old + more, full_attention_layers=full, dense_layers=dense)
    tensors = {name: t for name, t in decoder.state_dict().items() if not name.startswith("layers.")}
    for place, (layer, is_new) in enumerate(origins):
        for name, tensor in decoder.layers[layer].state_dict().items():
            is_silent = is_new and name.endswith(_INTO_STREAM)
            tensors[f"layers.{place}.{name}"] = torch.zeros_like(tensor) if is_silent else tensor
    return _built(config, decoder, tensors)


@torch.no_grad()
def wider(decoder: Decoder, factor: int, generator: torch.Generator) -> Decoder:
    """Return a decoder `factor` times as wide, in stream, heads and feed-forwards alike; equal logits."""
    config = decoder.config
    wide = replace(
        config,
        width=config.width * factor,
        heads=config.heads * factor,
        kv_heads=config.kv_heads * factor,
        ffn_width=config.ffn_width * factor,
        expert_ffn_width=config.expert_ffn_width * factor,
    )
    tensors = {}
    for name, tensor in decoder.state_dict().items():
        for axis, how in enumerate(_axes(name, config)):
            if how != ".":
                tensor = _repeated(tensor, axis, factor) if how == "+" else _divided(tensor, axis, factor, generator)
        tensors[name] = tensor
    return _built(wide, decoder, tensors)


@torch.no_grad()
def with_experts(decoder: Decoder, experts: int, per_token: int, generator: torch.Generator) -> Decoder:
    """Return a mixture whose experts begin as the dense model's feed-forward; equal logits."""
    config = decoder.config
    if config.experts:
        raise InputError(
            "the model has experts already",
            where="grow, option experts",
            why="only a dense feed-forward is copied into experts",
            fix="leave `experts` out, or start from a dense model",
        )
    mixed = replace(
        config,
        experts=experts,
        experts_per_token=per_token,
        expert_ffn_width=config.ffn_width,
        has_normalised_routing=True,
    )
    return _built(mixed, decoder, dict(_upcycled(decoder, experts, generator)))


def _upcycled(decoder: Decoder, experts: int, generator: torch.Generator) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in decoder.state_dict().items():
        stem, _, matrix = name.removesuffix(".weight").rpartition(".")
        if not (stem.endswith(".mlp") and matrix in _MATRICES):
            yield name, tensor
            continue
        yield f"{stem}.experts.{matrix}", tensor.expand(experts, *tensor.shape)
        if matrix == _MATRICES[0]:
            # Small, as routers are drawn anywhere, but not zero: a tie would send every token to the same experts.
            yield f"{stem}.gate.weight", torch.randn(experts, tensor.size(1), generator=generator) * 0.02


def _axes(name: str, config: ModelConfig) -> str:
    if name == "norm.weight":
        # The embedding is repeated, so where it is the output matrix as well, the norm before it is what is divided.
        return "/" if config.has_tied_embeddings else "+"
    found = [end for end in _AXES if name.endswith(end)]
    assert found, f"nobody said how {name} grows"
    return _AXES[max(found, key=len)]


def _repeated(tensor: Tensor, axis: int, factor: int) -> Tensor:
    return torch.cat([tensor] * factor, dim=axis)


def _divided(tensor: Tensor, axis: int, factor: int, generator: torch.Generator) -> Tensor:
    """Return parts that sum to the tensor, side by side; each is near an equal share, and no two are the same."""
    shares = 1 + _UNEVEN * (2 * torch.rand(factor, *tensor.shape, generator=generator) - 1)
    parts = list(tensor * shares / shares.sum(0))
    # The last takes what rounding left, so that the sum is the old weight and not nearly it.
    parts[-1] = tensor - sum(parts[:-1], torch.zeros_like(tensor))
    return torch.cat(parts, dim=axis)


def _built(config: ModelConfig, like: Decoder, tensors: Mapping[str, Tensor]) -> Decoder:
    with torch.device("meta"):
        grown = Decoder(config, like.dtype)
    grown.load_state_dict({name: tensor.detach().clone() for name, tensor in tensors.items()}, assign=True)
    return grown.requires_grad_(True)
