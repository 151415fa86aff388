from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.model.config import ModelConfig, RopeScaling
from ingot.model.layout import SpecialTokens, published_config, read_config

SPECIAL = SpecialTokens(bos=0, ends=(1, 4), pad=2)
EXPERTS = {"experts": 4, "experts_per_token": 2, "expert_ffn_width": 24}


def sizes(**changes: Any) -> ModelConfig:
    fields = {"vocabulary": 96, "width": 32, "layers": 4, "heads": 4, "kv_heads": 2, "head_width": 16, "ffn_width": 48}
    return ModelConfig(**{**fields, "context": 512, **changes})


def read(folder: Path, fields: dict[str, Any]) -> ModelConfig:
    (folder / "config.json").write_text(json.dumps(fields))
    return read_config(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"has_qk_norm": False, "sliding_window": 128},
        {"sliding_window": 128, "full_attention_layers": (1, 3)},
        {**EXPERTS, "dense_layers": (0, 3), "has_normalised_routing": False, "balance_loss": 0.02},
        {**EXPERTS, "ffn_width": 24, "has_qk_norm": False, "router_z_loss": 0.5},
        {"rope_scaling": RopeScaling("linear", 2.0)},
        {"rope_scaling": RopeScaling("yarn", 2.0, 256, 2.0, 16.0, attention_factor=1.25, is_rounded=False)},
        {"rope_scaling": RopeScaling("llama3", 2.0, 256, 1.0, 4.0)},
    ],
)
def test_sizes_come_back_as_they_were_written(changes: dict[str, Any], tmp_path: Path) -> None:
    assert read(tmp_path, published_config(sizes(**changes), SPECIAL)) == sizes(**changes)


def test_an_older_config_with_a_theta_of_its_own_is_read(tmp_path: Path) -> None:
    fields = published_config(sizes(), SPECIAL)
    del fields["rope_parameters"]
    assert read(tmp_path, {**fields, "rope_theta": 1e6, "rope_scaling": None}).rope_theta == 1e6
    scaling = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}
    scaled = read(tmp_path, {**fields, "rope_theta": 1e6, "rope_scaling": scaling})
    assert (scaled.rope_theta, scaled.rope_scaling) == (1e6, RopeScaling("yarn", 4.0, 128))


@pytest.mark.parametrize(
    ("rope", "expected"),
    [
        ({"rope_type": "yarn", "original_max_position_embeddings": 128}, RopeScaling("yarn", 4.0, 128)),
        ({"rope_type": "yarn", "factor": 4.0}, RopeScaling("yarn", 4.0, 512)),
        (
            {"rope_type": "yarn", "factor": 4.0, "mscale": 1.0, "mscale_all_dim": 1.0},
            RopeScaling("yarn", 4.0, 512, attention_factor=1.0),
        ),
    ],
)
def test_what_a_scaling_leaves_out_is_what_transformers_takes(
    rope: dict[str, Any], expected: RopeScaling, tmp_path: Path
) -> None:
    fields = published_config(sizes(), SPECIAL)
    assert read(tmp_path, {**fields, "rope_parameters": {"rope_theta": 1e4, **rope}}).rope_scaling == expected


def test_what_a_config_leaves_out_is_what_transformers_takes(tmp_path: Path) -> None:
    mistral = published_config(sizes(has_qk_norm=False), SPECIAL)
    without_window = {name: value for name, value in mistral.items() if name != "sliding_window"}
    assert read(tmp_path, without_window).sliding_window == 4096
    qwen3 = published_config(sizes(), SPECIAL)
    assert read(tmp_path, {**qwen3, "sliding_window": 64, "use_sliding_window": False}).sliding_window is None
    late = read(tmp_path, {**qwen3, "sliding_window": 64, "use_sliding_window": True, "max_window_layers": 3})
    assert (late.sliding_window, late.full_attention_layers) == (64, (0, 1, 2))
    assert read(tmp_path, {**qwen3, "sliding_window": 64, "use_sliding_window": True}).sliding_window is None
    assert read(tmp_path, {name: value for name, value in qwen3.items() if name != "head_dim"}).head_width == 128
    moe = published_config(sizes(**EXPERTS), SPECIAL)
    assert read(tmp_path, {**moe, "decoder_sparse_step": 2, "mlp_only_layers": [3]}).dense_layers == (0, 2, 3)
    older = {name: value for name, value in moe.items() if name != "num_local_experts"}
    assert read(tmp_path, {**older, "num_experts": 4}).experts == 4


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0}}, "dynamic"),
        ({"rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4}}, "longrope"),
        ({"rope_parameters": {"full_attention": {"rope_type": "default"}}}, "one per kind of layer"),
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "partial_rotary_factor": 0.5}}, "partial_rotary"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"attention_bias": True}, "attention_bias"),
        ({"model_type": "llama"}, "model_type"),
        ({"layer_types": ["sliding_attention"] * 4}, "layer_types"),
        ({"quantization_config": {"quant_method": "gptq"}}, "gptq"),
        ({"auto_map": {"AutoModelForCausalLM": "modeling_evil.Evil"}}, "auto_map"),
        ({"num_attention_heads": 3}, "cannot be built"),
        ({"vocab_size": None}, "no model"),
    ],
)
def test_settings_the_decoder_does_not_compute_are_refused(change: dict[str, Any], named: str, tmp_path: Path) -> None:
    fields = {**published_config(sizes(has_qk_norm=False), SPECIAL), **change}
    with pytest.raises(InputError, match=named) as raised:
        read(tmp_path, fields)
    assert raised.value.fix
    assert str(tmp_path) in raised.value.where


@pytest.mark.parametrize("content", ["", "[]", "null", '{"model_type": "qwen3"}', '{"rope_parameters": 3}'])
def test_what_is_no_description_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({**EXPERTS, "shared_experts": 1}, "shared experts"),
        ({**EXPERTS, "has_qk_norm": False, "dense_layers": (0,)}, "dense layers"),
        ({**EXPERTS, "has_qk_norm": False, "has_normalised_routing": False}, "sum to one"),
        ({"has_qk_norm": False, "sliding_window": 8, "full_attention_layers": (0,)}, "some layers"),
        ({**EXPERTS, "sliding_window": 8, "full_attention_layers": (0,)}, "some layers"),
    ],
)
def test_what_no_layout_can_say_is_refused_before_anything_is_written(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named) as raised:
        published_config(sizes(**changes), SPECIAL)
    assert raised.value.fix


def test_descriptions_are_read_without_torch() -> None:
    code = "import ingot.model.layout, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
