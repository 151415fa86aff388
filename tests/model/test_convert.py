"""What transformers computes from our folder is what we compute, and the other way round."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, MistralConfig, MistralForCausalLM, Qwen3Config, Qwen3ForCausalLM

from ingot.core.errors import InputError
from ingot.model.config import ModelConfig
from ingot.model.convert import INDEX, WEIGHTS, SpecialTokens, load, published_config, read_config, save
from ingot.model.decoder import Decoder

SPECIAL = SpecialTokens(bos=0, ends=(1, 4), pad=2)
LAYOUTS = [
    pytest.param({"has_qk_norm": True, "has_tied_embeddings": True}, id="qwen3-tied"),
    pytest.param({"has_qk_norm": True, "has_tied_embeddings": False}, id="qwen3-untied"),
    pytest.param({"has_qk_norm": False, "has_tied_embeddings": True}, id="mistral-tied"),
    pytest.param({"has_qk_norm": False, "has_tied_embeddings": False}, id="mistral-untied"),
]


def sizes(**changes: Any) -> ModelConfig:
    fields = {"vocabulary": 96, "width": 32, "layers": 2, "heads": 4, "kv_heads": 2, "head_width": 16, "ffn_width": 48}
    return ModelConfig(**{**fields, "context": 512, **changes})


def random_decoder(config: ModelConfig) -> Decoder:
    """A decoder whose every weight matters: norms away from one, matrices large enough to tell settings apart."""
    torch.manual_seed(0)
    decoder = Decoder(config)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.15 + (1.0 if parameter.ndim == 1 else 0.0))
    return decoder


def largest_difference(decoder: Decoder, folder: Path) -> float:
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = torch.randint(96, (2, 200), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return float((theirs(tokens).logits - decoder.logits(decoder(tokens))).abs().max())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_transformers_opens_our_folder_and_computes_our_logits(layout: dict[str, Any], tmp_path: Path) -> None:
    decoder = random_decoder(sizes(**layout))
    save(decoder, tmp_path, SPECIAL)
    theirs, report = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32, output_loading_info=True)
    assert type(theirs) is (Qwen3ForCausalLM if layout["has_qk_norm"] else MistralForCausalLM)
    assert not any(report.values()), report
    assert largest_difference(decoder, tmp_path) <= 1e-5


@pytest.mark.parametrize("change", [{"norm_epsilon": 1e-2}, {"rope_theta": 5e5}])
@pytest.mark.parametrize("has_qk_norm", [True, False])
def test_the_comparison_sees_a_changed_setting(change: dict[str, float], has_qk_norm: bool, tmp_path: Path) -> None:
    decoder = random_decoder(sizes(has_qk_norm=has_qk_norm))
    save(decoder, tmp_path, SPECIAL)
    other = Decoder(dataclasses.replace(decoder.config, **change))
    other.load_state_dict(decoder.state_dict())
    assert largest_difference(other, tmp_path) > 1e-3


@pytest.mark.parametrize("layout", LAYOUTS)
def test_we_open_what_transformers_writes(layout: dict[str, Any], tmp_path: Path) -> None:
    common = {
        "vocab_size": 96,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "rope_parameters": {"rope_type": "default", "rope_theta": 5e5},
        "tie_word_embeddings": layout["has_tied_embeddings"],
    }
    torch.manual_seed(0)
    if layout["has_qk_norm"]:
        theirs: Any = Qwen3ForCausalLM(Qwen3Config(**common))
    else:
        theirs = MistralForCausalLM(MistralConfig(**common, sliding_window=None))
    theirs.save_pretrained(tmp_path)
    decoder = load(tmp_path)
    assert decoder.config == sizes(**layout, rope_theta=5e5)
    assert largest_difference(decoder, tmp_path) <= 1e-5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_config_json_says_what_transformers_would_have_written(layout: dict[str, Any], tmp_path: Path) -> None:
    save(random_decoder(sizes(**layout)), tmp_path / "ours", SPECIAL)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "ours", dtype=torch.float32)
    theirs.save_pretrained(tmp_path / "theirs")
    ours, written = (json.loads((tmp_path / side / "config.json").read_text()) for side in ("ours", "theirs"))
    assert {name: written[name] for name in ours if name in written} == {
        name: value for name, value in ours.items() if name in written
    }
    assert written["rope_parameters"] == {"rope_theta": 10_000.0, "rope_type": "default"}
    generation = json.loads((tmp_path / "ours" / "generation_config.json").read_text())
    assert generation["eos_token_id"] == [1, 4]


def test_a_saved_decoder_opens_bit_for_bit(tmp_path: Path) -> None:
    decoder = random_decoder(sizes())
    save(decoder, tmp_path, SPECIAL)
    again = load(tmp_path)
    assert again.config == decoder.config
    assert again.state_dict().keys() == decoder.state_dict().keys()
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in decoder.state_dict().items())


def test_a_decoder_opened_in_bf16_holds_and_computes_bf16(tmp_path: Path) -> None:
    save(random_decoder(sizes()), tmp_path, SPECIAL)
    decoder = load(tmp_path, torch.bfloat16)
    assert {parameter.dtype for parameter in decoder.parameters()} == {torch.bfloat16}
    assert decoder(torch.tensor([[1, 2, 3]])).dtype == torch.bfloat16


def test_large_models_are_written_in_parts_that_both_sides_open(tmp_path: Path) -> None:
    decoder = random_decoder(sizes())
    save(decoder, tmp_path, SPECIAL, max_file_bytes=8_000)
    parts = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(parts) > 2
    assert not (tmp_path / WEIGHTS).exists()
    assert set(json.loads((tmp_path / INDEX).read_text())["weight_map"].values()) == {part.name for part in parts}
    assert largest_difference(load(tmp_path), tmp_path) <= 1e-5


def test_an_older_config_with_a_theta_of_its_own_is_read(tmp_path: Path) -> None:
    fields = published_config(sizes(), SPECIAL)
    del fields["rope_parameters"]
    (tmp_path / "config.json").write_text(json.dumps({**fields, "rope_theta": 1e6}))
    assert read_config(tmp_path).rope_theta == 1e6


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sliding_window": 128}, "sliding_window"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0}}, "rope_type"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"attention_bias": True}, "attention_bias"),
        ({"model_type": "mixtral"}, "model_type"),
    ],
)
def test_settings_the_decoder_does_not_compute_are_refused(change: dict[str, Any], named: str, tmp_path: Path) -> None:
    fields = {**published_config(sizes(has_qk_norm=False), SPECIAL), **change}
    (tmp_path / "config.json").write_text(json.dumps(fields))
    with pytest.raises(InputError, match=named):
        read_config(tmp_path)


def test_an_empty_folder_and_damaged_or_foreign_weights_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model"):
        load(tmp_path)
    save(random_decoder(sizes(layers=1)), tmp_path, SPECIAL)
    (tmp_path / "config.json").write_text(json.dumps(published_config(sizes(layers=2), SPECIAL)))
    with pytest.raises(InputError, match="do not fit") as raised:
        load(tmp_path)
    assert "missing" in raised.value.why
    weights = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(weights[:100])
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)
