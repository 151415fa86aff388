"""Export a model to GGUF, the format of llama.cpp that OpenVINO reads too.

Qwen3 layouts become the architectures `qwen3` and `qwen3moe`; Mistral and Mixtral become `llama`, whose rotary
embedding pairs neighbouring rows, so the rows of q and k are put in that order. Experts of a layer are stacked into one
tensor. Tensors stream one by one from safetensors to a temporary file that takes its name at the end; memory stays at
one tensor. What a reader would accept and compute wrongly is refused here, because no error would ever say so: a
sliding window, a scaled rotary embedding, an unknown pre-tokenizer, weights too large for half precision.
Source: the GGUF specification (ggml-org/ggml, docs/gguf.md) and llama.cpp's conversion rules.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
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
from ingot.infer.quantise import Q4_K_BLOCK, Q8_0_BLOCK, as_q4_k, as_q8_0
from ingot.infer.token_table import TokenTable, read_token_table

SUFFIX = ".gguf"
READER = "llamacpp"
TYPES = ("q4_K", "q8_0", "f16", "f32")  # smallest first

_ARCHITECTURES = {
    "qwen3": gguf.MODEL_ARCH.QWEN3,
    "qwen3_moe": gguf.MODEL_ARCH.QWEN3MOE,
    "mistral": gguf.MODEL_ARCH.LLAMA,
    "mixtral": gguf.MODEL_ARCH.LLAMA,
}
_OUTPUT = "lm_head.weight"
# Logits are read straight from these: in half precision they double the error of the whole file (measured on a trained
# model of a million parameters, against transformers: 1.06e-3 at most in half precision, 0.67e-3 with these in full).
_READ_FROM = ("model.embed_tokens.weight", _OUTPUT)
_ATTENTION = ("q_proj.weight", "k_proj.weight", "v_proj.weight", "o_proj.weight")
_ROUTERS = (".mlp.gate.weight", ".block_sparse_moe.gate.weight")
_STACKS = {"gate_proj": "gate", "up_proj": "up", "down_proj": "down", "w1": "gate", "w3": "up", "w2": "down"}
_KINDS = {
    "f32": gguf.GGMLQuantizationType.F32,
    "f16": gguf.GGMLQuantizationType.F16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
    "q4_K": gguf.GGMLQuantizationType.Q4_K,
}
_BLOCKS = {"q8_0": Q8_0_BLOCK, "q4_K": Q4_K_BLOCK}
_FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
    "q4_K": gguf.LlamaFileType.MOSTLY_Q4_K_S,
}

Type = Literal["q4_K", "q8_0", "f16", "f32"]


@dataclass(frozen=True)
class Config:
    """`type` of the layers' matrices: 4, 8, 16 or 32 bits a weight. `name` is what readers of the file show.

    Vectors and routers are always in full. The embedding and the output matrix are in full beside half precision, and
    in q8_0 beside the quantised types. A matrix whose rows do not divide into the blocks of its type (256 weights for
    q4_K, 32 for q8_0) takes the next larger one; a model in which that happens to every matrix is refused.

    llama.cpp rounds what a half-precision matrix multiplies to half precision too, which costs most in attention when
    queries and keys are not normalised (the Mistral layout): `attention_type="f32"` keeps attention in full. Measured
    likewise on two models: 1.69e-3 and 1.19e-3 without, 0.64e-3 and 0.86e-3 with it. OpenVINO cannot read such a file.
    """

    type: Type = "f16"
    attention_type: Literal["", "f32"] = ""
    name: str = ""


@dataclass(frozen=True)
class _Source:
    """One tensor of the model's folder."""

    file: Path
    name: str


@dataclass(frozen=True)
class _Tensor:
    """One tensor of the file to write: of one source, or of all experts of a layer. `shape` is without the experts."""

    name: str
    sources: tuple[_Source, ...]
    shape: tuple[int, ...]
    type: Type
    is_stack: bool = False


def export(model_folder: Path, out_path: Path, config: Config) -> None:
    """Write the model of a Hugging Face folder as one GGUF file, whole or not at all.

    Raises InputError for what a reader of the file would get silently wrong.
    """
    facts = json.loads((model_folder / "config.json").read_text(encoding="utf-8"))
    _refuse_what_readers_get_wrong(facts, model_folder)
    tensors = _tensors(model_folder, facts, config)
    _refuse_a_type_nothing_takes(tensors, config, model_folder)
    temporary = out_path.with_name(f".{out_path.name}.{os.getpid()}.tmp")
    writer = gguf.GGUFWriter(temporary, gguf.MODEL_ARCH_NAMES[_ARCHITECTURES[facts["model_type"]]])
    try:
        with room_on_disk(out_path.parent):
            _write_header(writer, facts, model_folder, config)
            _write_tensors(writer, tensors, facts)
            writer.close()
            _make_durable(temporary, out_path)
    finally:
        writer.close()
        temporary.unlink(missing_ok=True)


def _refuse_what_readers_get_wrong(facts: Mapping[str, Any], folder: Path) -> None:
    rope_type = _rope(facts).get("rope_type") or "default"
    activation = facts.get("hidden_act", "silu")
    is_sparse_throughout = not facts.get("mlp_only_layers") and facts.get("decoder_sparse_step", 1) == 1
    checks = (
        (facts["model_type"] in _ARCHITECTURES, f"models of type {facts['model_type']!r} are not supported"),
        (not _has_sliding_window(facts), "the model attends through a sliding window, which the reader ignores"),
        (rope_type == "default", f"rope_type {rope_type!r} is not written to GGUF"),
        (not facts.get("rope_scaling"), "a scaled rotary embedding is not written to GGUF"),
        (activation == "silu", f"activation {activation!r} is not what the reader computes"),
        (not facts.get("attention_bias"), "attention biases are not read back"),
        (is_sparse_throughout, "layers without experts among layers with them are not read back"),
        (
            facts["model_type"] != "qwen3_moe" or bool(facts.get("norm_topk_prob")),
            "the reader makes the weights of the chosen experts sum to one, which this model does not",
        ),
    )
    for holds, what in checks:
        if not holds:
            raise InputError(
                what,
                where=str(folder / "config.json"),
                why="the exported file would load and give different answers, without an error",
                fix="export it to onnx, serve it with the torch engine, or train it with the layout Ingot plans",
            )


def _refuse_a_type_nothing_takes(tensors: Sequence[_Tensor], config: Config, folder: Path) -> None:
    """Refuse a file that would be called what no layer in it is."""
    if config.type in _BLOCKS and not any(config.type == one.type for one in tensors if not _is_read_from(one)):
        block, larger = _BLOCKS[config.type], _next_larger(config.type)
        raise InputError(
            f"no matrix of this model can be {config.type}: no row divides into blocks of {block} weights",
            where=str(folder),
            why=f"every layer would be {larger}, under the name {config.type}",
            fix=f"export it as {larger}, or train a model whose widths divide by {block}",
        )


def _is_read_from(tensor: _Tensor) -> bool:
    return tensor.sources[0].name in _READ_FROM


def _next_larger(kind: str) -> Type:
    larger: dict[str, Type] = {"q4_K": "q8_0", "q8_0": "f16", "f16": "f32"}
    return larger[kind]


def _rope(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    return facts.get("rope_parameters") or {}


def _has_sliding_window(facts: Mapping[str, Any]) -> bool:
    if "sliding_attention" in (facts.get("layer_types") or ()):
        return True
    # Qwen3 carries a window size it does not use unless told to. Mistral and Mixtral use any they carry, and Mistral
    # one if it says none.
    is_used = facts["model_type"] in ("mistral", "mixtral")
    return bool(facts.get("sliding_window", facts["model_type"] == "mistral")) and bool(
        facts.get("use_sliding_window", is_used)
    )


def _write_header(writer: gguf.GGUFWriter, facts: Mapping[str, Any], folder: Path, config: Config) -> None:
    head_width = facts.get("head_dim") or facts["hidden_size"] // facts["num_attention_heads"]
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(config.name)
    writer.add_file_type(_FILE_TYPES[config.type])
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
    if _has_experts(facts):
        # Two names are in use for one number, and Mixtral's experts are as wide as intermediate_size says.
        writer.add_expert_count(facts["num_local_experts"] if "num_local_experts" in facts else facts["num_experts"])
        writer.add_expert_used_count(facts["num_experts_per_tok"])
    if "moe_intermediate_size" in facts:
        writer.add_expert_feed_forward_length(facts["moe_intermediate_size"])
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


def _has_experts(facts: Mapping[str, Any]) -> bool:
    return facts["model_type"] in ("mixtral", "qwen3_moe")


def _tensors(folder: Path, facts: Mapping[str, Any], config: Config) -> list[_Tensor]:
    """Return what the file will hold, in order; nothing but the headers is read."""
    names = gguf.get_tensor_name_map(_ARCHITECTURES[facts["model_type"]], facts["num_hidden_layers"])
    found: list[_Tensor] = []
    stacks: dict[str, dict[int, tuple[_Source, tuple[int, ...]]]] = {}
    for source, shape in _sources(folder, is_tied=bool(facts.get("tie_word_embeddings"))):
        stem, is_expert, rest = source.name.partition(".experts.")
        if is_expert:
            expert, matrix, _ = rest.split(".")
            stack = f"blk.{stem.split('.')[2]}.ffn_{_STACKS[matrix]}_exps.weight"
            stacks.setdefault(stack, {})[int(expert)] = source, shape
            continue
        target = names.get_name(source.name, try_suffixes=(".weight",))
        if target is None:
            raise InputError(
                f"GGUF has no place for the tensor {source.name!r}",
                where=str(source.file),
                why="leaving it out would change the answers",
                fix="serve this model with the torch engine",
            )
        found.append(_Tensor(target, (source,), shape, _type_of(source.name, shape, config)))
    for target, experts in stacks.items():
        sources = tuple(experts[number][0] for number in range(len(experts)))
        shape = experts[0][1]
        found.append(_Tensor(target, sources, shape, _type_of(sources[0].name, shape, config), is_stack=True))
    return found


def _sources(folder: Path, is_tied: bool) -> Iterator[tuple[_Source, tuple[int, ...]]]:
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - not a mapping: it has no iterator of its own
                if not (is_tied and name == _OUTPUT):  # readers take the embedding when the output matrix is absent
                    yield _Source(file, name), tuple(weights.get_slice(name).get_shape())


def _type_of(name: str, shape: tuple[int, ...], config: Config) -> Type:
    if len(shape) == 1 or name.endswith(_ROUTERS):
        return "f32"
    if config.attention_type and name.endswith(_ATTENTION):
        return config.attention_type
    kind = config.type
    if name in _READ_FROM:
        kind = "f32" if kind in ("f16", "f32") else "q8_0"
    while shape[-1] % _BLOCKS.get(kind, 1):
        kind = _next_larger(kind)
    return kind


def _write_tensors(writer: gguf.GGUFWriter, tensors: Sequence[_Tensor], facts: Mapping[str, Any]) -> None:
    for tensor in tensors:
        width = _bytes_of_a_row(tensor)
        shape = (*([len(tensor.sources)] if tensor.is_stack else []), *tensor.shape[:-1], width)
        # The writer takes shapes in bytes for whatever is no number of its own, and works out the rest.
        writer.add_tensor_info(tensor.name, shape, np.dtype(np.uint8), int(np.prod(shape)), _KINDS[tensor.type])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in tensors:
        parts = [_values(source, tensor, facts) for source in tensor.sources]
        writer.write_tensor_data(np.stack(parts) if tensor.is_stack else parts[0])


def _bytes_of_a_row(tensor: _Tensor) -> int:
    weights, size = gguf.GGML_QUANT_SIZES[_KINDS[tensor.type]]
    return tensor.shape[-1] // weights * size


def _values(source: _Source, tensor: _Tensor, facts: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Return one tensor's values as the bytes of its type."""
    with safe_open(source.file, framework="pt") as weights:
        values: NDArray[np.float32] = weights.get_tensor(source.name).to(torch.float32).numpy()
    if facts["model_type"] in ("mistral", "mixtral"):
        if source.name.endswith("q_proj.weight"):
            values = interleave(values, facts["num_attention_heads"])
        if source.name.endswith("k_proj.weight"):
            values = interleave(values, _kv_heads(facts))
    return _as_bytes(values, source, tensor.type)


def _as_bytes(values: NDArray[np.float32], source: _Source, kind: Type) -> NDArray[np.uint8]:
    largest = float(np.abs(values).max())
    # Scales of blocks are in half precision too: up to 127 times the largest number can be told. True for NaN as well.
    times = {"f32": np.inf, "f16": 1.0, "q8_0": 127.0, "q4_K": 15.0}[kind]
    if not largest <= float(np.finfo(np.float16).max) * times:
        raise InputError(
            f"the tensor {source.name!r} holds {largest:g}, which half precision cannot represent",
            where=str(source.file),
            why="it would become infinite and every answer with it",
            fix="export as f32",
        )
    if kind == "q8_0":
        return as_q8_0(values)
    if kind == "q4_K":
        return as_q4_k(values)
    return np.ascontiguousarray(values.astype(np.float16 if kind == "f16" else np.float32)).view(np.uint8)


def interleave(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Reorder rows of one projection from "first half, second half" of each head to neighbouring pairs."""
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)


def _make_durable(temporary: Path, out_path: Path) -> None:
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(out_path)
    fsync_folder(out_path.parent)
