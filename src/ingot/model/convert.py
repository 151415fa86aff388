"""The decoder to and from a Hugging Face folder: config.json, generation_config.json and safetensors.

`config.json` is written the way transformers 5 writes it (rotary settings under `rope_parameters`), and older files
with a top-level `rope_theta` are read too. A folder whose settings this decoder does not compute (a sliding window,
scaled rotary positions, biases, another activation) is refused: it would load without complaint and answer wrongly.
Format: https://github.com/huggingface/safetensors, and the model files of transformers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ingot.core.errors import InputError
from ingot.core.storage import room_on_disk, write_atomically
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
MAX_FILE_BYTES = 5_000_000_000
ARCHITECTURES = {True: ("Qwen3ForCausalLM", "qwen3"), False: ("MistralForCausalLM", "mistral")}


@dataclass(frozen=True)
class SpecialTokens:
    """The ids a text starts and may end with, and the one that fills rows. The first of `ends` ends a document."""

    bos: int
    ends: tuple[int, ...]
    pad: int


def save(decoder: Decoder, folder: Path, special: SpecialTokens, max_file_bytes: int = MAX_FILE_BYTES) -> None:
    """Write the decoder as a folder transformers opens, in files of at most `max_file_bytes` of weights each."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {_published(name): tensor.detach().contiguous() for name, tensor in decoder.state_dict().items()}
    dtype = str(next(iter(tensors.values())).dtype).removeprefix("torch.")
    _write_weights(tensors, folder, max_file_bytes)
    _write_json(folder / "config.json", published_config(decoder.config, special, dtype))
    _write_json(folder / "generation_config.json", _generation_config(special))


def load(folder: Path, dtype: torch.dtype = torch.float32) -> Decoder:
    """Open a folder as a decoder whose weights and arithmetic are in `dtype`. Raises InputError when it cannot."""
    config = read_config(folder)
    with torch.device("meta"):
        decoder = Decoder(config, dtype)
    tensors = {name.removeprefix("model."): tensor.to(dtype) for name, tensor in _read_weights(folder)}
    if config.has_tied_embeddings:
        tensors.pop("lm_head.weight", None)  # some writers store the tied matrix twice
    _check_names(decoder.state_dict(), tensors, folder)
    decoder.load_state_dict(tensors, assign=True)
    return decoder.requires_grad_(True)


def published_config(config: ModelConfig, special: SpecialTokens, dtype: str = "float32") -> dict[str, Any]:
    """Return config.json's content for these sizes."""
    architecture, model_type = ARCHITECTURES[config.has_qk_norm]
    return {
        "architectures": [architecture],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": special.bos,
        "dtype": dtype,
        "eos_token_id": special.ends[0],
        "head_dim": config.head_width,
        "hidden_act": "silu",
        "hidden_size": config.width,
        "initializer_range": 0.02,
        "intermediate_size": config.ffn_width,
        "max_position_embeddings": config.context,
        "model_type": model_type,
        "num_attention_heads": config.heads,
        "num_hidden_layers": config.layers,
        "num_key_value_heads": config.kv_heads,
        "pad_token_id": special.pad,
        "rms_norm_eps": config.norm_epsilon,
        "rope_parameters": {"rope_theta": config.rope_theta, "rope_type": "default"},
        "sliding_window": None,
        "tie_word_embeddings": config.has_tied_embeddings,
        "use_cache": True,
        "vocab_size": config.vocabulary,
    }


def read_config(folder: Path) -> ModelConfig:
    """Read config.json as sizes. Raises InputError when it is unreadable or asks for something this decoder is not."""
    path = folder / "config.json"
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        _refuse_what_is_different(fields, path)
        return _sizes(fields)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "this folder holds no model that can be opened",
            where=str(path),
            why=f"its description cannot be read ({type(error).__name__}: {error})",
            fix="point at a folder with config.json and model.safetensors, as transformers or Ingot writes it",
        ) from error


def _sizes(fields: Mapping[str, Any]) -> ModelConfig:
    heads = fields["num_attention_heads"]
    rope = fields.get("rope_parameters") or {}
    return ModelConfig(
        vocabulary=fields["vocab_size"],
        width=fields["hidden_size"],
        layers=fields["num_hidden_layers"],
        heads=heads,
        kv_heads=fields.get("num_key_value_heads") or heads,
        head_width=fields.get("head_dim") or fields["hidden_size"] // heads,
        ffn_width=fields["intermediate_size"],
        has_qk_norm=fields["model_type"] == "qwen3",
        has_tied_embeddings=fields.get("tie_word_embeddings", False),
        rope_theta=float(rope.get("rope_theta", fields.get("rope_theta", 10_000.0))),
        norm_epsilon=fields["rms_norm_eps"],
        context=fields["max_position_embeddings"],
    )


def _refuse_what_is_different(fields: Mapping[str, Any], path: Path) -> None:
    rope = {**(fields.get("rope_scaling") or {}), **(fields.get("rope_parameters") or {})}
    found = {
        "model_type": (fields.get("model_type"), tuple(model_type for _, model_type in ARCHITECTURES.values())),
        "hidden_act": (fields.get("hidden_act", "silu"), ("silu",)),
        "attention_bias": (fields.get("attention_bias", False), (False,)),
        "rope_type": (rope.get("rope_type", rope.get("type", "default")), ("default",)),
        "sliding_window": (fields.get("sliding_window") if fields.get("use_sliding_window", True) else None, (None,)),
    }
    for name, (value, accepted) in found.items():
        if value not in accepted:
            raise InputError(
                f"this model has {name} = {value!r}, which the decoder does not compute",
                where=str(path),
                why="opened anyway, it would answer wrongly without an error",
                fix=f"use a model with {name} = {' or '.join(map(repr, accepted))}",
            )


def _published(name: str) -> str:
    return name if name.startswith("lm_head.") else f"model.{name}"


def _generation_config(special: SpecialTokens) -> dict[str, Any]:
    ends = special.ends[0] if len(special.ends) == 1 else list(special.ends)
    return {"bos_token_id": special.bos, "eos_token_id": ends, "pad_token_id": special.pad, "use_cache": True}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=2) + "\n")


def _write_weights(tensors: Mapping[str, Tensor], folder: Path, max_file_bytes: int) -> None:
    parts = list(_parts(tensors, max_file_bytes))
    names = [WEIGHTS] if len(parts) == 1 else [_part_name(i, len(parts)) for i in range(1, len(parts) + 1)]
    for name, part in zip(names, parts, strict=True):
        with room_on_disk(folder):
            save_file(part, folder / name, metadata={"format": "pt"})
    if len(parts) > 1:
        total = sum(tensor.nbytes for tensor in tensors.values())
        places = {key: name for name, part in zip(names, parts, strict=True) for key in part}
        _write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": places})


def _part_name(number: int, count: int) -> str:
    return f"model-{number:05d}-of-{count:05d}.safetensors"


def _parts(tensors: Mapping[str, Tensor], max_file_bytes: int) -> Iterator[dict[str, Tensor]]:
    part: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if part and sum(other.nbytes for other in part.values()) + tensor.nbytes > max_file_bytes:
            yield part
            part = {}
        part[name] = tensor
    yield part


def _read_weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    index = folder / INDEX
    try:
        places = set(json.loads(index.read_text())["weight_map"].values()) if index.exists() else {WEIGHTS}
        for name in sorted(places):
            with safe_open(folder / name, framework="pt") as file:
                for key in file.keys():  # noqa: SIM118 - a safetensors file is no mapping
                    yield key, file.get_tensor(key)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise InputError(
            "the model's weights cannot be read",
            where=str(folder),
            why=f"a file is missing or damaged ({error})",
            fix="copy the folder again from where it came",
        ) from error


def _check_names(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], folder: Path) -> None:
    missing = sorted(expected.keys() - found.keys())
    unexpected = sorted(found.keys() - expected.keys())
    misshapen = [name for name in expected if name in found and expected[name].shape != found[name].shape]
    problems = {"missing": missing, "unexpected": unexpected, "of another shape": misshapen}
    listed = "; ".join(f"{len(names)} {kind} ({names[0]}, ...)" for kind, names in problems.items() if names)
    if listed:
        raise InputError(
            "the weights do not fit the model's description",
            where=str(folder),
            why=listed,
            fix="take config.json and the weights from the same model",
        )
