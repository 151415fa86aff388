"""Export a model to GGUF, the format of llama.cpp that OpenVINO reads too.

Qwen3 layouts become architecture `qwen3`, Mistral layouts `llama`, whose rotary embedding pairs neighbouring rows, so
the rows of q and k are put in that order. Tensors stream one by one from safetensors to a temporary file that takes its
name at the end; memory stays at one tensor. What a reader would accept and compute wrongly is refused here, because no
error would ever say so: a sliding window, a scaled rotary embedding, an unknown pre-tokenizer, weights too large for
half precision.
Source: the GGUF specification (ggml-org/ggml, docs/gguf.md) and llama.cpp's conversion rules.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from ingot.core.errors import InputError
from ingot.core.storage import fsync_folder, room_on_disk
from ingot.infer.token_table import TokenTable, read_token_table

_ARCHITECTURES = {"qwen3": gguf.MODEL_ARCH.QWEN3, "mistral": gguf.MODEL_ARCH.LLAMA}
_MIXTURES = ("mixtral", "qwen3_moe")
_OUTPUT = "lm_head.weight"
# Logits are read straight from these: in half precision they double the error of the whole file (measured on a trained
# model of a million parameters, against transformers: 1.06e-3 at most in half precision, 0.67e-3 with these in full).
_ALWAYS_FULL = ("model.embed_tokens.weight", _OUTPUT)
_ATTENTION = ("q_proj.weight", "k_proj.weight", "v_proj.weight", "o_proj.weight")


@dataclass(frozen=True)
class Config:
    """`float_type` of the layers' matrices: half precision, or full for comparisons. The rest is always in full.

    llama.cpp rounds what a half-precision matrix multiplies to half precision too, which costs most in attention when
    queries and keys are not normalised (the Mistral layout): `attention_type="f32"` keeps attention in full. Measured
    likewise on two models: 1.69e-3 and 1.19e-3 without, 0.64e-3 and 0.86e-3 with it. OpenVINO cannot read such a file.
    `name` is what readers of the file show.
    """

    float_type: Literal["f16", "f32"] = "f16"
    attention_type: Literal["f16", "f32"] = "f16"
    name: str = ""


def export(model_folder: Path, out_path: Path, config: Config) -> None:
    """Write the model of a Hugging Face folder as one GGUF file, whole or not at all.

    Raises InputError for what a reader of the file would get silently wrong.
    """
    facts = json.loads((model_folder / "config.json").read_text(encoding="utf-8"))
    _refuse_what_readers_get_wrong(facts, model_folder)
    temporary = out_path.with_name(f".{out_path.name}.{os.getpid()}.tmp")
    writer = gguf.GGUFWriter(temporary, gguf.MODEL_ARCH_NAMES[_ARCHITECTURES[facts["model_type"]]])
    try:
        with room_on_disk(out_path.parent):
            _write_header(writer, facts, model_folder, config)
            _write_tensors(writer, facts, model_folder, config)
            writer.close()
            _make_durable(temporary, out_path)
    finally:
        writer.close()
        temporary.unlink(missing_ok=True)


def _refuse_what_readers_get_wrong(facts: Mapping[str, Any], folder: Path) -> None:
    rope_type = _rope(facts).get("rope_type") or "default"
    activation = facts.get("hidden_act", "silu")
    checks = (
        (facts["model_type"] not in _MIXTURES, "the model is a mixture of experts, which is not written to GGUF"),
        (facts["model_type"] in _ARCHITECTURES, f"models of type {facts['model_type']!r} are not supported"),
        (not _has_sliding_window(facts), "the model attends through a sliding window, which the reader ignores"),
        (rope_type == "default", f"rope_type {rope_type!r} is not written to GGUF"),
        (not facts.get("rope_scaling"), "a scaled rotary embedding is not written to GGUF"),
        (activation == "silu", f"activation {activation!r} is not what the reader computes"),
        (not facts.get("attention_bias"), "attention biases are not read back"),
    )
    for holds, what in checks:
        if not holds:
            raise InputError(
                what,
                where=str(folder / "config.json"),
                why="the exported file would load and give different answers, without an error",
                fix="serve this model with the torch engine, or train it with the layout Ingot plans",
            )


def _rope(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    return facts.get("rope_parameters") or {}


def _has_sliding_window(facts: Mapping[str, Any]) -> bool:
    if "sliding_attention" in (facts.get("layer_types") or ()):
        return True
    # Qwen3 carries a window size it does not use unless told to; Mistral uses any it carries, or one if it says none.
    is_mistral = facts["model_type"] == "mistral"
    return bool(facts.get("sliding_window", is_mistral)) and bool(facts.get("use_sliding_window", is_mistral))


def _write_header(writer: gguf.GGUFWriter, facts: Mapping[str, Any], folder: Path, config: Config) -> None:
    head_width = facts.get("head_dim") or facts["hidden_size"] // facts["num_attention_heads"]
    file_type = gguf.LlamaFileType.MOSTLY_F16 if config.float_type == "f16" else gguf.LlamaFileType.ALL_F32
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(config.name)
    writer.add_file_type(file_type)
    writer.add_context_length(facts["max_position_embeddings"])
    writer.add_embedding_length(facts["hidden_size"])
    writer.add_block_count(facts["num_hidden_layers"])
    writer.add_feed_forward_length(facts["intermediate_size"])
    writer.add_head_count(facts["num_attention_heads"])
    writer.add_head_count_kv(_kv_heads(facts))
    writer.add_key_length(head_width)
    writer.add_value_length(head_width)
    writer.add_rope_dimension_count(head_width)
    # transformers 5 keeps the base inside rope_parameters, earlier versions at the top.
    writer.add_rope_freq_base(_rope(facts).get("rope_theta", facts.get("rope_theta", 10000.0)))
    writer.add_layer_norm_rms_eps(facts["rms_norm_eps"])
    writer.add_vocab_size(facts["vocab_size"])
    _write_tokenizer(writer, read_token_table(folder, facts["vocab_size"]))


def _write_tokenizer(writer: gguf.GGUFWriter, table: TokenTable) -> None:
    writer.add_tokenizer_model("gpt2")  # the format's name for byte-level BPE
    writer.add_tokenizer_pre(table.pre_tokenizer)
    writer.add_token_list(table.tokens)
    writer.add_token_types([int(gguf.TokenType[kind.upper()]) for kind in table.kinds])
    writer.add_token_merges(table.merges)
    special_ids = (
        (table.bos, writer.add_bos_token_id),
        (table.eos, writer.add_eos_token_id),
        (table.pad, writer.add_pad_token_id),
        (table.unknown, writer.add_unk_token_id),
        (table.end_of_turn, writer.add_eot_token_id),
    )
    for token_id, add in special_ids:
        if token_id is not None:
            add(token_id)
    # The framing of documents and the chat template write these; a reader that added them again would double them.
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    if table.chat_template is not None:
        writer.add_chat_template(table.chat_template)


def _kv_heads(facts: Mapping[str, Any]) -> int:
    return int(facts.get("num_key_value_heads") or facts["num_attention_heads"])


def _write_tensors(writer: gguf.GGUFWriter, facts: Mapping[str, Any], folder: Path, config: Config) -> None:
    names = gguf.get_tensor_name_map(_ARCHITECTURES[facts["model_type"]], facts["num_hidden_layers"])
    tensors = list(_tensors(folder, is_tied=bool(facts.get("tie_word_embeddings"))))
    for file, name, shape in tensors:
        target = names.get_name(name, try_suffixes=(".weight",))
        if target is None:
            raise InputError(
                f"GGUF has no place for the tensor {name!r}",
                where=str(file),
                why="leaving it out would change the answers",
                fix="serve this model with the torch engine",
            )
        kind = np.dtype(np.float16 if _is_half(name, len(shape), config) else np.float32)
        writer.add_tensor_info(target, shape, kind, int(np.prod(shape)) * kind.itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for file, name, _ in tensors:
        writer.write_tensor_data(_values(file, name, facts, config))


def _tensors(folder: Path, is_tied: bool) -> Iterator[tuple[Path, str, tuple[int, ...]]]:
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - not a mapping: it has no iterator of its own
                if not (is_tied and name == _OUTPUT):  # readers take the embedding when the output matrix is absent
                    yield file, name, tuple(weights.get_slice(name).get_shape())


def _values(file: Path, name: str, facts: Mapping[str, Any], config: Config) -> NDArray[Any]:
    with safe_open(file, framework="pt") as weights:
        values: NDArray[np.float32] = weights.get_tensor(name).to(torch.float32).numpy()
    if facts["model_type"] == "mistral":
        if name.endswith("q_proj.weight"):
            values = interleave(values, facts["num_attention_heads"])
        if name.endswith("k_proj.weight"):
            values = interleave(values, _kv_heads(facts))
    return _as_half(values, file, name) if _is_half(name, values.ndim, config) else np.ascontiguousarray(values)


def _is_half(name: str, dimensions: int, config: Config) -> bool:
    if config.float_type == "f32" or dimensions == 1 or name in _ALWAYS_FULL:
        return False
    return config.attention_type == "f16" or not name.endswith(_ATTENTION)


def _as_half(values: NDArray[np.float32], file: Path, name: str) -> NDArray[np.float16]:
    largest = float(np.abs(values).max())
    if not largest <= float(np.finfo(np.float16).max):  # also true for NaN
        raise InputError(
            f"the tensor {name!r} holds {largest:g}, which half precision cannot represent",
            where=str(file),
            why="it would become infinite and every answer with it",
            fix="export with float_type='f32'",
        )
    return np.ascontiguousarray(values.astype(np.float16))


def interleave(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Reorder rows of one projection from "first half, second half" of each head to neighbouring pairs."""
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)


def _make_durable(temporary: Path, out_path: Path) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(out_path)
    fsync_folder(out_path.parent)
