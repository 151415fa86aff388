from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ingot.core.errors import InputError
from ingot.infer.exporters.gguf import Config, export, interleave
from ingot.tokenizer.codec import Codec
from tests.infer.tiny_model import make_variant


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    return fields, {tensor.name: np.array(tensor.data) for tensor in reader.tensors}


def test_sizes_and_tokenizer_are_written(model_folder: Path, codec: Codec) -> None:
    fields, _ = read(model_folder / "model-f16.gguf")
    assert fields["general.architecture"] == "qwen3"
    assert fields["qwen3.context_length"] == 96
    assert fields["qwen3.attention.key_length"] == fields["qwen3.attention.value_length"] == 16
    assert fields["qwen3.rope.dimension_count"] == 16
    assert fields["qwen3.rope.freq_base"] == 10_000
    assert fields["tokenizer.ggml.pre"] == "qwen2"
    assert fields["tokenizer.ggml.bos_token_id"] == codec.bos
    assert fields["tokenizer.ggml.eos_token_id"] == codec.eos
    assert fields["tokenizer.ggml.padding_token_id"] == codec.pad
    assert fields["tokenizer.ggml.eot_token_id"] == codec.end_of_turn
    assert fields["tokenizer.ggml.add_bos_token"] is False
    assert fields["tokenizer.chat_template"] == (model_folder / "chat_template.jinja").read_text()


def test_special_tokens_are_control_and_padding_is_unused(model_folder: Path, codec: Codec, tmp_path: Path) -> None:
    folder = edited(model_folder, tmp_path)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"][-1]["special"] = False
    last = tokenizer["added_tokens"][-1]["id"]
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    name = "model.embed_tokens.weight"
    weights[name] = torch.cat([weights[name], weights[name][:64]])
    save_file(weights, folder / "model.safetensors")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": config["vocab_size"] + 64}))
    export(folder, tmp_path / "padded.gguf", Config())
    fields, _ = read(tmp_path / "padded.gguf")
    types = fields["tokenizer.ggml.token_type"]
    assert types[codec.bos] == types[codec.end_of_turn] == gguf.TokenType.CONTROL
    assert types[last] == gguf.TokenType.USER_DEFINED
    assert types[codec.encode("e")[0]] == gguf.TokenType.NORMAL
    assert types[codec.vocabulary :] == [gguf.TokenType.UNUSED] * 64
    assert len(fields["tokenizer.ggml.tokens"]) == codec.vocabulary + 64


def test_values_arrive_and_tied_output_is_left_out(model_folder: Path, tmp_path: Path) -> None:
    weights = load_file(model_folder / "model.safetensors")
    _, half = read(model_folder / "model-f16.gguf")
    export(model_folder, tmp_path / "f32.gguf", Config("f32"))
    _, full = read(tmp_path / "f32.gguf")
    assert half.keys() == full.keys()
    assert "output.weight" not in half
    assert half["blk.0.attn_q.weight"].dtype == np.float16
    assert half["blk.0.attn_norm.weight"].dtype == np.float32
    assert half["token_embd.weight"].dtype == np.float32
    assert np.array_equal(full["blk.1.attn_k.weight"], weights["model.layers.1.self_attn.k_proj.weight"].numpy())
    assert np.array_equal(full["token_embd.weight"], weights["model.embed_tokens.weight"].numpy())
    assert len(full) == len(weights)


def test_the_mistral_layout_is_reordered_and_untied(mistral_folder: Path, tmp_path: Path) -> None:
    weights = load_file(mistral_folder / "model.safetensors")
    export(mistral_folder, tmp_path / "f32.gguf", Config("f32"))
    fields, tensors = read(tmp_path / "f32.gguf")
    assert fields["general.architecture"] == "llama"
    assert np.array_equal(tensors["output.weight"], weights["lm_head.weight"].numpy())
    q = weights["model.layers.0.self_attn.q_proj.weight"].numpy()
    assert np.array_equal(tensors["blk.0.attn_q.weight"], interleave(q, 4))
    assert not np.array_equal(tensors["blk.0.attn_q.weight"], q)


def test_interleave_pairs_the_halves_of_each_head() -> None:
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)
    assert interleave(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def edited(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "edited"))


Edit = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda c: c.update(use_sliding_window=True, sliding_window=64), "sliding window"),
        (lambda c: c.update(layer_types=["sliding_attention", "full_attention"]), "sliding window"),
        (lambda c: c.update(model_type="mistral", sliding_window=64), "sliding window"),
        (lambda c: c["rope_parameters"].update(rope_type="yarn"), "yarn"),
        (lambda c: c.update(rope_scaling={"type": "linear", "factor": 2}), "scaled"),
        (lambda c: c.update(hidden_act="gelu"), "gelu"),
        (lambda c: c.update(attention_bias=True), "bias"),
        (lambda c: c.update(model_type="gpt2"), "gpt2"),
        (lambda c: c.update(model_type="mixtral", sliding_window=64), "sliding window"),
        (lambda c: c.update(model_type="qwen3_moe", norm_topk_prob=True, mlp_only_layers=[0]), "without experts"),
        (lambda c: c.update(model_type="qwen3_moe", norm_topk_prob=False), "sum to one"),
        (lambda c: c.update(vocab_size=64), "rows"),
    ],
)
def test_what_a_reader_would_get_silently_wrong_is_refused(
    model_folder: Path, tmp_path: Path, edit: Edit, says: str
) -> None:
    folder = edited(model_folder, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    edit(config)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=says):
        export(folder, tmp_path / "out.gguf", Config())
    assert not list(tmp_path.glob("*.gguf*"))


@pytest.mark.parametrize(
    "edit",
    [
        lambda t: t["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(Regex=r"\s+|\S+"),
        lambda t: t["pre_tokenizer"]["pretokenizers"][1].update(use_regex=True),
        lambda t: t["pre_tokenizer"]["pretokenizers"].pop(0),
        lambda t: t.update(pre_tokenizer=None),
        lambda t: t.update(normalizer={"type": "NFC"}),
        lambda t: t["model"].update(ignore_merges=True),
        lambda t: t["model"].update(type="WordPiece"),
    ],
)
def test_a_tokenizer_a_reader_would_apply_differently_is_refused(
    model_folder: Path, tmp_path: Path, edit: Edit
) -> None:
    folder = edited(model_folder, tmp_path)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    edit(tokenizer)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(InputError) as caught:
        export(folder, tmp_path / "out.gguf", Config())
    assert "tokenizer.json" in caught.value.where
    assert not list(tmp_path.glob("*.gguf*"))


def test_weights_too_large_for_half_precision_are_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = edited(model_folder, tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.mlp.up_proj.weight"][3, 3] = 1e6
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(InputError, match="half precision"):
        export(folder, tmp_path / "out.gguf", Config())
    assert [path.name for path in tmp_path.iterdir()] == ["edited"]
    export(folder, tmp_path / "out.gguf", Config("f32"))


def test_a_tensor_without_a_place_is_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = edited(model_folder, tmp_path)
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "model.layers.0.extra.weight": torch.zeros(2, 2)}, folder / "model.safetensors")
    with pytest.raises(InputError, match="extra"):
        export(folder, tmp_path / "out.gguf", Config())


def test_attention_can_stay_in_full(mistral_folder: Path, tmp_path: Path) -> None:
    export(mistral_folder, tmp_path / "mixed.gguf", Config("f16", "f32"))
    _, tensors = read(tmp_path / "mixed.gguf")
    kinds = {name.removeprefix("blk.0."): tensor.dtype for name, tensor in tensors.items() if name.startswith("blk.0.")}
    full = {name for name, kind in kinds.items() if kind == np.float32}
    assert {f"attn_{part}.weight" for part in ("q", "k", "v", "output")} <= full
    assert not {f"ffn_{part}.weight" for part in ("gate", "up", "down")} & full


def kinds(path: Path) -> dict[str, str]:
    return {tensor.name: tensor.tensor_type.name for tensor in gguf.GGUFReader(path).tensors}


@pytest.fixture(scope="module")
def wide_folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of 256, of 96 and of 48 weights: for blocks of 256, for blocks of 32, and for neither."""
    sizes = {"width": 256, "layers": 1, "ffn_width": 96, "heads": 3, "kv_heads": 1, "has_tied_embeddings": False}
    return make_variant(model_folder, tmp_path_factory.mktemp("wide") / "wide", **sizes)


def test_rows_that_do_not_divide_take_the_next_larger_type(wide_folder: Path, tmp_path: Path) -> None:
    export(wide_folder, tmp_path / "q4.gguf", Config("q4_K"))
    found = kinds(tmp_path / "q4.gguf")
    assert found["blk.0.attn_q.weight"] == found["blk.0.ffn_up.weight"] == "Q4_K"
    assert found["blk.0.ffn_down.weight"] == "Q8_0"  # rows of 96
    assert found["blk.0.attn_output.weight"] == "F16"  # rows of 48
    assert found["token_embd.weight"] == found["output.weight"] == "Q8_0"
    assert found["blk.0.attn_norm.weight"] == "F32"
    export(wide_folder, tmp_path / "q8.gguf", Config("q8_0"))
    assert kinds(tmp_path / "q8.gguf")["blk.0.attn_q.weight"] == "Q8_0"
    assert (tmp_path / "q4.gguf").stat().st_size < (tmp_path / "q8.gguf").stat().st_size


def test_a_type_that_no_matrix_can_take_is_refused(model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="blocks of 256") as caught:
        export(model_folder, tmp_path / "out.gguf", Config("q4_K"))
    assert "q8_0" in caught.value.fix
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("has_qk_norm", [True, False])
def test_experts_are_stacked_in_their_order(model_folder: Path, tmp_path: Path, has_qk_norm: bool) -> None:
    mixture = {"experts": 4, "experts_per_token": 2, "expert_ffn_width": 64, "has_qk_norm": has_qk_norm}
    folder = make_variant(model_folder, tmp_path / "mixture", **mixture)
    export(folder, tmp_path / "f32.gguf", Config("f32"))
    fields, tensors = read(tmp_path / "f32.gguf")
    weights = load_file(folder / "model.safetensors")
    name = "mlp.experts.2.up_proj" if has_qk_norm else "block_sparse_moe.experts.2.w3"
    assert np.array_equal(tensors["blk.1.ffn_up_exps.weight"][2], weights[f"model.layers.1.{name}.weight"].numpy())
    architecture = fields["general.architecture"]
    assert architecture == ("qwen3moe" if has_qk_norm else "llama")
    assert (fields[f"{architecture}.expert_count"], fields[f"{architecture}.expert_used_count"]) == (4, 2)
    export(folder, tmp_path / "q8.gguf", Config("q8_0"))
    found = kinds(tmp_path / "q8.gguf")
    assert found["blk.0.ffn_down_exps.weight"] == "Q8_0"
    assert found["blk.0.ffn_gate_inp.weight"] == "F32"
