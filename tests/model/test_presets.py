from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from ingot.core.errors import UsageError
from ingot.model.decoder import Decoder
from ingot.model.layout import read_config
from ingot.model.presets import PRESETS, preset

REPOSITORY = Path(__file__).parents[2]

# The sizes as the models' own config.json give them; what they share is below.
_MISTRAL = {"model_type": "mistral", "rms_norm_eps": 1e-5, "num_key_value_heads": 8, "sliding_window": None}
_MIXTRAL = {**_MISTRAL, "model_type": "mixtral", "num_local_experts": 8, "num_experts_per_tok": 2, "vocab_size": 32000}
_QWEN3 = {
    **{"model_type": "qwen3", "rms_norm_eps": 1e-6, "num_key_value_heads": 8, "vocab_size": 151936, "head_dim": 128},
    **{"max_position_embeddings": 40960, "sliding_window": None, "use_sliding_window": False, "attention_bias": False},
}
_QWEN3_MOE = {
    **{**_QWEN3, "model_type": "qwen3_moe", "num_key_value_heads": 4, "num_experts": 128, "num_experts_per_tok": 8},
    **{"norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": [], "router_aux_loss_coef": 0.001},
}


def sized(base: dict[str, Any], width: int, layers: int, heads: int, ffn_width: int, **more: Any) -> dict[str, Any]:
    sizes = {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads}
    rest = {"intermediate_size": ffn_width, "hidden_act": "silu", "tie_word_embeddings": False, "rope_theta": 1000000.0}
    return {**base, **sizes, **rest, **more}


# name, the published sizes, and the parameters its weights have.
PUBLISHED = [
    (
        "mistral-7b-v0.1",
        sized(_MISTRAL, 4096, 32, 32, 14336, vocab_size=32000, max_position_embeddings=32768)
        | {"sliding_window": 4096, "rope_theta": 10000.0},
        7_241_732_096,
    ),
    (
        "mistral-7b-v0.3",
        sized(_MISTRAL, 4096, 32, 32, 14336, vocab_size=32768, max_position_embeddings=32768),
        7_248_023_552,
    ),
    (
        "mistral-nemo-base-2407",
        sized(_MISTRAL, 5120, 40, 32, 14336, vocab_size=131072, max_position_embeddings=131072, head_dim=128),
        12_247_782_400,
    ),
    (
        "mistral-small-24b-base-2501",
        sized(_MISTRAL, 5120, 40, 32, 32768, vocab_size=131072, max_position_embeddings=32768, head_dim=128)
        | {"rope_theta": 100000000.0},
        23_572_403_200,
    ),
    (
        "mixtral-8x7b-v0.1",
        sized(_MIXTRAL, 4096, 32, 32, 14336, max_position_embeddings=32768, router_aux_loss_coef=0.02),
        46_702_792_704,
    ),
    (
        "mixtral-8x22b-v0.1",
        sized(_MIXTRAL, 6144, 56, 48, 16384, max_position_embeddings=65536, router_aux_loss_coef=0.001),
        140_620_634_112,
    ),
    ("qwen3-0.6b", sized(_QWEN3, 1024, 28, 16, 3072, tie_word_embeddings=True), 596_049_920),
    ("qwen3-1.7b", sized(_QWEN3, 2048, 28, 16, 6144, tie_word_embeddings=True), 1_720_574_976),
    ("qwen3-4b", sized(_QWEN3, 2560, 36, 32, 9728, tie_word_embeddings=True), 4_022_468_096),
    ("qwen3-8b", sized(_QWEN3, 4096, 36, 32, 12288), 8_190_735_360),
    ("qwen3-14b", sized(_QWEN3, 5120, 40, 40, 17408), 14_768_307_200),
    ("qwen3-32b", sized(_QWEN3, 5120, 64, 64, 25600), 32_762_123_264),
    ("qwen3-30b-a3b", sized(_QWEN3_MOE, 2048, 48, 32, 6144, moe_intermediate_size=768), 30_532_122_624),
    ("qwen3-235b-a22b", sized(_QWEN3_MOE, 4096, 94, 64, 12288, moe_intermediate_size=1536), 235_093_634_560),
    (
        "qwen3-coder-480b-a35b-instruct",
        sized(_QWEN3_MOE, 6144, 62, 96, 8192, moe_intermediate_size=2560, num_experts=160, num_key_value_heads=8)
        | {"rope_theta": 10000000.0, "max_position_embeddings": 262144},
        480_154_875_392,
    ),
]


@pytest.mark.parametrize(("name", "published", "parameters"), PUBLISHED, ids=[name for name, *_ in PUBLISHED])
def test_a_published_preset_is_what_its_config_says(
    name: str, published: dict[str, Any], parameters: int, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(published))
    assert preset(name).model == read_config(tmp_path)
    assert preset(name).model.parameters == parameters
    assert preset(name).source.rpartition("/")[2].lower() == name


@pytest.mark.parametrize(("name", "published", "parameters"), PUBLISHED, ids=[name for name, *_ in PUBLISHED])
def test_transformers_counts_the_same(name: str, published: dict[str, Any], parameters: int) -> None:
    with torch.device("meta"):
        theirs = AutoModelForCausalLM.from_config(AutoConfig.for_model(**published))
    assert sum(parameter.numel() for parameter in theirs.parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "billions"), [("mixtral-8x7b-v0.1", 12.9), ("qwen3-30b-a3b", 3.35), ("qwen3-235b-a22b", 22.2)]
)
def test_active_parameters_are_those_the_names_promise(name: str, billions: float) -> None:
    assert preset(name).model.active_parameters / 1e9 == pytest.approx(billions, rel=0.01)


def test_every_published_preset_is_compared() -> None:
    assert {name for name, *_ in PUBLISHED} == {made.name for made in PRESETS.values() if made.source}


@pytest.mark.parametrize("name", [made.name for made in PRESETS.values() if not made.source])
def test_our_own_are_built_as_counted_and_named(name: str) -> None:
    made = preset(name).model
    with torch.device("meta"):
        decoder = Decoder(made)
    assert made.parameters == sum(parameter.numel() for parameter in decoder.parameters())
    number, unit = int(name.partition("-")[0][:-1]), name.partition("-")[0][-1]
    assert made.parameters == pytest.approx(number * {"m": 1e6, "b": 1e9}[unit], rel=0.15)
    if made.experts:
        assert made.active_parameters / 1e9 == pytest.approx(float(name.rpartition("-a")[2][:-1]), rel=0.05)


def test_names_are_read_in_any_case_and_the_nearest_is_named() -> None:
    assert preset("Qwen3-8B") is preset("qwen3-8b")
    with pytest.raises(UsageError, match="no model preset") as raised:
        preset("qwen3-8")
    assert "qwen3-8b" in raised.value.fix


def test_presets_are_read_without_torch() -> None:
    code = "import ingot.model.presets, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_page_of_presets_is_fresh() -> None:
    script = [sys.executable, "docs/reference/presets_page.py"]
    made = subprocess.run(script, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    written = (REPOSITORY / "docs/reference/presets.md").read_text(encoding="utf-8")
    assert written == made, "write it again: python docs/reference/presets_page.py > docs/reference/presets.md"
