from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from ingot.core.config import literals, load
from ingot.core.errors import UsageError
from ingot.model.config import ModelConfig, RopeScaling
from ingot.model.decoder import Decoder

SMALL = ModelConfig(vocabulary=96, width=32, layers=2, heads=4, kv_heads=2, head_width=8, ffn_width=48)


@pytest.mark.parametrize("has_qk_norm", [True, False])
@pytest.mark.parametrize("has_tied_embeddings", [True, False])
def test_parameters_are_those_of_the_built_decoder(has_qk_norm: bool, has_tied_embeddings: bool) -> None:
    config = ModelConfig(96, 32, 3, 4, 2, 10, 48, has_qk_norm=has_qk_norm, has_tied_embeddings=has_tied_embeddings)
    built = sum(parameter.numel() for parameter in Decoder(config).parameters())
    assert config.parameters == built


def test_matmul_parameters_count_the_head_but_not_the_embedding_lookup() -> None:
    decoder = Decoder(ModelConfig(96, 32, 2, 4, 2, 8, 48, has_tied_embeddings=False))
    matrices = [p for name, p in decoder.named_parameters() if p.ndim == 2 and "embed_tokens" not in name]
    assert decoder.config.matmul_parameters == sum(matrix.numel() for matrix in matrices)


def test_training_operations_of_the_reference_size() -> None:
    config = ModelConfig(8192, 256, 6, 4, 2, 64, 704, has_qk_norm=False)
    assert config.parameters == 6_524_160
    assert round(config.flops_per_token(512) / 1e6, 1) == 43.8


def test_literals_bring_the_same_config_back() -> None:
    assert load(ModelConfig, literals(SMALL), "here") == SMALL


MIXTURE = ModelConfig(
    96, 32, 4, 4, 2, 8, 48, experts=6, experts_per_token=2, expert_ffn_width=16, shared_experts=1, dense_layers=(0, 2)
)


@pytest.mark.parametrize("has_tied_embeddings", [True, False])
def test_parameters_of_a_mixture_are_those_of_the_built_decoder(has_tied_embeddings: bool) -> None:
    config = replace(MIXTURE, has_tied_embeddings=has_tied_embeddings)
    parameters = dict(Decoder(config).named_parameters())
    assert config.parameters == sum(parameter.numel() for parameter in parameters.values())
    idle = sum(p.numel() for name, p in parameters.items() if ".experts." in name) * 4 // 6
    assert config.active_parameters == config.parameters - idle
    met = sum(p.numel() for name, p in parameters.items() if p.ndim > 1 and "embed_tokens" not in name)
    head = config.vocabulary * config.width if has_tied_embeddings else 0
    assert config.matmul_parameters == met - idle + head


def test_a_dense_model_is_wholly_active() -> None:
    assert SMALL.active_parameters == SMALL.parameters
    assert SMALL.moe_layers == 0


def test_a_window_saves_operations_and_a_wide_one_changes_nothing() -> None:
    whole = SMALL.flops_per_token(1024)
    assert replace(SMALL, sliding_window=1024).flops_per_token(1024) == whole
    assert replace(SMALL, sliding_window=4096).flops_per_token(1024) == whole
    saved = whole - replace(SMALL, sliding_window=256).flops_per_token(1024)
    # Keys met by hand: 512 in the mean, or 256 but for the first 256 tokens, who meet 128.
    assert saved == 12 * 2 * 4 * 8 * (512 - (256 * 0.75 + 128 * 0.25))
    half = replace(SMALL, sliding_window=256, full_attention_layers=(0,))
    assert whole - half.flops_per_token(1024) == saved / 2


def test_layouts_follow_from_the_sizes() -> None:
    assert [replace(SMALL, has_qk_norm=norm).layout for norm in (True, False)] == ["qwen3", "mistral"]
    assert [replace(MIXTURE, has_qk_norm=norm).layout for norm in (True, False)] == ["qwen3_moe", "mixtral"]
    assert [MIXTURE.has_experts(layer) for layer in range(4)] == [False, True, False, True]
    assert [replace(SMALL, sliding_window=9, full_attention_layers=(1,)).window_of(n) for n in (0, 1)] == [9, None]


def test_new_fields_leave_a_model_as_it_was() -> None:
    assert SMALL.layout == "qwen3"
    assert (SMALL.experts, SMALL.sliding_window, SMALL.rope_scaling) == (0, None, None)
    assert SMALL.flops_per_token(64) == 6 * SMALL.matmul_parameters + 6 * 2 * 4 * 8 * 64


def test_json_brings_tuples_and_scalings_back() -> None:
    config = replace(
        MIXTURE, rope_scaling=RopeScaling("yarn", 4.0, 512), sliding_window=8, full_attention_layers=[3, 1]
    )
    assert config.full_attention_layers == (1, 3)
    assert load(ModelConfig, json.loads(json.dumps(literals(config))), "here") == config
    assert ModelConfig(**json.loads(json.dumps(literals(config)))) == config


@pytest.mark.parametrize(
    ("changes", "fix"),
    [
        ({"kv_heads": 3}, "kv_heads = 2"),
        ({"head_width": 7}, "8"),
        ({"sliding_window": 0}, "at least 1"),
        ({"full_attention_layers": (1,)}, "leave full_attention_layers out"),
        ({"sliding_window": 8, "full_attention_layers": (2,)}, "0 to 1"),
        ({"sliding_window": 8, "full_attention_layers": (0, 1)}, "leave sliding_window"),
        ({"experts_per_token": 2}, "set experts"),
        ({"experts": 1, "experts_per_token": 1, "expert_ffn_width": 8}, "at least 2"),
        ({"experts": 4, "experts_per_token": 5, "expert_ffn_width": 8}, "experts_per_token to 4"),
        ({"experts": 4, "experts_per_token": 0, "expert_ffn_width": 8}, "experts_per_token to 1"),
        ({"experts": 4, "experts_per_token": 2}, "with 24"),
        ({"experts": 4, "experts_per_token": 2, "expert_ffn_width": 8, "dense_layers": (0, 1)}, "experts to 0"),
        ({"experts": 4, "experts_per_token": 2, "expert_ffn_width": 8, "dense_layers": (5,)}, "0 to 1"),
        ({"experts": 4, "experts_per_token": 2, "expert_ffn_width": 8, "balance_loss": -1.0}, "to 0"),
    ],
)
def test_impossible_combinations_name_the_nearest_that_works(changes: dict[str, Any], fix: str) -> None:
    with pytest.raises(UsageError, match="cannot be built") as raised:
        replace(SMALL, **changes)
    assert fix in raised.value.fix


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "linear", "factor": 0.5},
        {"kind": "yarn", "factor": 4.0},
        {"kind": "llama3", "factor": 4.0, "original_context": 64, "slow_turns": 4.0, "fast_turns": 4.0},
    ],
)
def test_impossible_scalings_are_refused_with_what_to_do(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cannot be built") as raised:
        RopeScaling(**settings)
    assert raised.value.fix


@pytest.mark.parametrize(("field", "value"), [("heads", 3), ("head_width", 7), ("layers", 0)])
def test_impossible_sizes_are_refused_with_what_to_do(field: str, value: int) -> None:
    with pytest.raises(UsageError, match="cannot be built") as raised:
        ModelConfig(**{**literals(SMALL), field: value})
    assert raised.value.fix


def test_sizes_are_read_without_torch() -> None:
    code = "import ingot.model.config, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
