"""What transformers computes from our folder is what we compute, and the other way round, in all four layouts.

Weights and inputs are new in every run; the seed is in the message of a failure.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from ingot.core.errors import InputError, UsageError
from ingot.model.config import ModelConfig, RopeScaling
from ingot.model.convert import INDEX, WEIGHTS, SpecialTokens, load, places, published_config, save, weights, write
from ingot.model.decoder import Decoder
from ingot.model.rope import Rotation

SPECIAL = SpecialTokens(bos=0, ends=(1, 4), pad=2)
EXPERTS = {"experts": 4, "experts_per_token": 2, "expert_ffn_width": 24}
YARN = RopeScaling("yarn", 4.0, 128)
THEIR_YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 128}
THEIR_LLAMA3 = {
    **{"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "original_max_position_embeddings": 64},
    **{"low_freq_factor": 1.0, "high_freq_factor": 4.0},
}

# What we call it, and what transformers calls the same: two descriptions that only this table brings together.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "qwen3-tied": ({}, {"model_type": "qwen3", "tie_word_embeddings": True}),
    "qwen3-untied": ({"has_tied_embeddings": False}, {"model_type": "qwen3"}),
    "qwen3-window-in-later-layers": (
        {"sliding_window": 20, "full_attention_layers": (0,), "has_tied_embeddings": False},
        {"model_type": "qwen3", "use_sliding_window": True, "sliding_window": 20, "max_window_layers": 1},
    ),
    "qwen3-window-in-first-layer-yarn": (
        {"sliding_window": 150, "full_attention_layers": (1,), "has_tied_embeddings": False, "rope_scaling": YARN},
        {
            **{"model_type": "qwen3", "use_sliding_window": True, "sliding_window": 150},
            **{"layer_types": ["sliding_attention", "full_attention"], "rope_parameters": THEIR_YARN},
        },
    ),
    "mistral-tied": (
        {"has_qk_norm": False},
        {"model_type": "mistral", "tie_word_embeddings": True, "sliding_window": None},
    ),
    "mistral-window": (
        {"has_qk_norm": False, "has_tied_embeddings": False, "sliding_window": 33},
        {"model_type": "mistral", "sliding_window": 33},
    ),
    "mistral-linear": (
        {"has_qk_norm": False, "has_tied_embeddings": False, "rope_scaling": RopeScaling("linear", 3.0)},
        {
            **{"model_type": "mistral", "sliding_window": None},
            **{"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 3.0}},
        },
    ),
    "mistral-llama3": (
        {
            **{"has_qk_norm": False, "has_tied_embeddings": False},
            **{"rope_scaling": RopeScaling("llama3", 8.0, 64, slow_turns=1.0, fast_turns=4.0)},
        },
        {"model_type": "mistral", "sliding_window": None, "rope_parameters": THEIR_LLAMA3},
    ),
    "mixtral": (
        {**EXPERTS, "has_qk_norm": False, "has_tied_embeddings": False, "ffn_width": 24, "rope_theta": 1e6},
        {"model_type": "mixtral", "num_local_experts": 4, "intermediate_size": 24, "rope_parameters": None},
    ),
    "mixtral-window-yarn-tied": (
        {**EXPERTS, "has_qk_norm": False, "ffn_width": 24, "sliding_window": 9, "rope_scaling": YARN},
        {
            **{"model_type": "mixtral", "num_local_experts": 4, "intermediate_size": 24, "sliding_window": 9},
            **{"tie_word_embeddings": True, "rope_parameters": THEIR_YARN},
        },
    ),
    "qwen3_moe": (
        {**EXPERTS, "has_tied_embeddings": False},
        {"model_type": "qwen3_moe", "num_experts": 4, "moe_intermediate_size": 24, "norm_topk_prob": True},
    ),
    "qwen3_moe-window-dense-layer": (
        {
            **{**EXPERTS, "dense_layers": (0,), "has_normalised_routing": False, "has_tied_embeddings": False},
            **{"sliding_window": 40, "rope_scaling": YARN, "experts_per_token": 3},
        },
        {
            **{"model_type": "qwen3_moe", "num_experts": 4, "moe_intermediate_size": 24, "mlp_only_layers": [0]},
            **{"use_sliding_window": True, "sliding_window": 40, "num_experts_per_tok": 3},
            **{"rope_parameters": THEIR_YARN},
        },
    ),
}


def sizes(**changes: Any) -> ModelConfig:
    fields = {"vocabulary": 96, "width": 32, "layers": 2, "heads": 4, "kv_heads": 2, "head_width": 16, "ffn_width": 48}
    # What transformers' own default says, where a model has experts.
    coefficients = {"balance_loss": 0.001} if "experts" in changes else {}
    return ModelConfig(**{**fields, "context": 512, **coefficients, **changes})


def their_model(**changes: Any) -> Any:
    common = {
        "vocab_size": 96,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
        "num_experts_per_tok": 2,
    }
    fields = {**common, **changes}
    return drawn(AutoModelForCausalLM.from_config(AutoConfig.for_model(**fields)).eval())


def drawn(model: Any) -> Any:
    """Draw weights so that every one matters: norms away from one, matrices large enough to tell settings apart."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.15 + (1.0 if parameter.ndim == 1 else 0.0))
    return model


def random_decoder(config: ModelConfig) -> Decoder:
    torch.manual_seed(0)
    return drawn(Decoder(config))


def largest_difference(decoder: Decoder, folder: Path, length: int = 200) -> float:
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = torch.randint(96, (2, length))
    with torch.no_grad():
        return float((theirs(tokens).logits - decoder.logits(decoder(tokens))).abs().max())


def seeds() -> Iterator[int]:
    """Yield two fresh seeds: where two experts are equally good to within a rounding, either choice is right."""
    for _ in range(2):
        yield torch.seed() % 2**32


@pytest.mark.parametrize("case", CASES)
def test_transformers_opens_our_folder_and_computes_our_logits(case: str, tmp_path: Path) -> None:
    found = {}
    for seed in seeds():
        torch.manual_seed(seed)
        decoder = drawn(Decoder(sizes(**CASES[case][0])))
        save(decoder, tmp_path, SPECIAL, max_file_bytes=20_000 if seed % 2 else 5_000_000)
        theirs, report = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32, output_loading_info=True)
        assert theirs.config.model_type == CASES[case][1]["model_type"]
        assert not any(report.values()), report
        found[seed] = largest_difference(decoder, tmp_path)
        if found[seed] <= 1e-5:
            return
    pytest.fail(f"largest differences by seed: {found}")


@pytest.mark.parametrize("case", CASES)
def test_we_open_what_transformers_writes(case: str, tmp_path: Path) -> None:
    found = {}
    for seed in seeds():
        torch.manual_seed(seed)
        folder = tmp_path / str(seed)
        their_model(**CASES[case][1]).save_pretrained(folder, max_shard_size="20KB" if seed % 2 else "5MB")
        decoder = load(folder)
        assert decoder.config == sizes(**CASES[case][0])
        found[seed] = largest_difference(decoder, folder)
        if found[seed] <= 1e-5:
            return
    pytest.fail(f"largest differences by seed: {found}")


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("qwen3-tied", {"norm_epsilon": 1e-2}),
        ("mistral-tied", {"rope_theta": 5e5}),
        ("mistral-window", {"sliding_window": 34}),
        ("qwen3-window-in-later-layers", {"full_attention_layers": (1,)}),
        ("qwen3-window-in-first-layer-yarn", {"rope_scaling": RopeScaling("yarn", 4.0, 128, attention_factor=1.0)}),
        ("mistral-llama3", {"rope_scaling": RopeScaling("llama3", 8.0, 65, fast_turns=4.0)}),
        ("qwen3_moe", {"has_normalised_routing": False}),
        ("mixtral", {"experts_per_token": 3}),
    ],
)
def test_the_comparison_sees_a_changed_setting(case: str, change: dict[str, Any], tmp_path: Path) -> None:
    decoder = random_decoder(sizes(**CASES[case][0]))
    save(decoder, tmp_path, SPECIAL)
    other = Decoder(dataclasses.replace(decoder.config, **change))
    other.load_state_dict(decoder.state_dict())
    assert largest_difference(other, tmp_path) > 1e-4


@pytest.mark.parametrize("case", CASES)
def test_config_json_says_what_transformers_would_have_written(case: str, tmp_path: Path) -> None:
    save(random_decoder(sizes(**CASES[case][0])), tmp_path / "ours", SPECIAL)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "ours", dtype=torch.float32)
    theirs.save_pretrained(tmp_path / "theirs")
    ours, written = (json.loads((tmp_path / side / "config.json").read_text()) for side in ("ours", "theirs"))
    assert {name: written[name] for name in ours if name in written} == {
        name: value for name, value in ours.items() if name in written
    }
    generation = json.loads((tmp_path / "ours" / "generation_config.json").read_text())
    assert generation["eos_token_id"] == [1, 4]


@pytest.mark.parametrize("case", CASES)
def test_rotation_near_position_32768_is_theirs_to_the_last_bit(case: str) -> None:
    theirs = their_model(**{**CASES[case][1], "max_position_embeddings": 40_000})
    rotation = Rotation(sizes(**CASES[case][0]), 32_700, 68, torch.device("cpu"))
    cosine, sine = theirs.model.rotary_emb(torch.zeros(1), torch.arange(32_700, 32_768)[None])
    assert torch.equal(rotation.cosine[:, 0], cosine[0, :, :8])
    assert torch.equal(rotation.sine[:, 0], sine[0, :, :8])


@pytest.mark.parametrize("layout", ["qwen3", "mistral"])
def test_logits_at_32k_tokens_are_theirs(layout: str, tmp_path: Path) -> None:
    scaling = RopeScaling("yarn", 8.0, 4096)
    config = sizes(layers=1, heads=1, kv_heads=1, context=32_768, has_qk_norm=layout == "qwen3", rope_scaling=scaling)
    torch.manual_seed(torch.seed() % 2**32)
    decoder = drawn(Decoder(config))
    save(decoder, tmp_path, SPECIAL)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    tokens = torch.randint(96, (1, 32_768))
    with torch.no_grad():
        expected = theirs(tokens, logits_to_keep=100).logits
        assert float((decoder.logits(decoder(tokens)[:, -100:]) - expected).abs().max()) <= 1e-5


@pytest.mark.parametrize("case", ["qwen3-untied", "mixtral", "qwen3_moe-window-dense-layer"])
def test_a_saved_decoder_opens_bit_for_bit(case: str, tmp_path: Path) -> None:
    decoder = random_decoder(sizes(**CASES[case][0]))
    save(decoder, tmp_path, SPECIAL)
    again = load(tmp_path)
    assert again.config == decoder.config
    assert again.state_dict().keys() == decoder.state_dict().keys()
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in decoder.state_dict().items())


def test_a_decoder_opened_in_bf16_holds_and_computes_bf16(tmp_path: Path) -> None:
    save(random_decoder(sizes(**EXPERTS)), tmp_path, SPECIAL)
    decoder = load(tmp_path, torch.bfloat16)
    assert {parameter.dtype for parameter in decoder.parameters()} == {torch.bfloat16}
    assert decoder(torch.tensor([[1, 2, 3]])).dtype == torch.bfloat16
    save(decoder, tmp_path, SPECIAL)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "bfloat16"


def test_large_models_are_written_in_parts_that_both_sides_open(tmp_path: Path) -> None:
    decoder = random_decoder(sizes(**EXPERTS))
    save(decoder, tmp_path, SPECIAL, max_file_bytes=8_000)
    parts = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(parts) > 2
    assert all(part.stat().st_size < 16_000 for part in parts)
    assert not (tmp_path / WEIGHTS).exists()
    assert set(json.loads((tmp_path / INDEX).read_text())["weight_map"].values()) == {part.name for part in parts}
    assert largest_difference(load(tmp_path), tmp_path) <= 1e-5


def test_a_smaller_model_leaves_nothing_of_a_larger_one_behind(tmp_path: Path) -> None:
    save(random_decoder(sizes()), tmp_path, SPECIAL, max_file_bytes=8_000)
    decoder = random_decoder(sizes(layers=1))
    save(decoder, tmp_path, SPECIAL)
    assert [path.name for path in tmp_path.glob("*.safetensors*")] == [WEIGHTS]
    assert load(tmp_path).config.layers == 1


def test_an_opened_decoder_does_not_change_when_its_folder_is_written_over(tmp_path: Path) -> None:
    save(random_decoder(sizes()), tmp_path, SPECIAL)
    decoder = load(tmp_path)
    before = decoder.embed_tokens.weight.clone()
    with torch.no_grad():
        decoder.norm.weight.zero_()
    save(decoder, tmp_path, SPECIAL)
    assert torch.equal(decoder.embed_tokens.weight, before)
    assert torch.equal(load(tmp_path).embed_tokens.weight, before)


def test_a_model_that_is_nowhere_whole_is_written_one_parameter_at_a_time(tmp_path: Path) -> None:
    decoder = random_decoder(sizes(**EXPERTS))
    with torch.device("meta"):
        like = Decoder(decoder.config).state_dict()
    read: list[str] = []

    def one(name: str) -> Tensor:
        read.append(name)
        return decoder.state_dict()[name]

    write(decoder.config, like, one, tmp_path / "pieces", SPECIAL, max_file_bytes=20_000)
    save(decoder, tmp_path / "whole", SPECIAL, max_file_bytes=20_000)
    for path in sorted((tmp_path / "whole").iterdir()):
        assert (tmp_path / "pieces" / path.name).read_bytes() == path.read_bytes()
    # Experts that two files share are read twice, everything else once.
    assert len(read) <= len(like) + len(list((tmp_path / "whole").glob("*.safetensors")))


def test_weights_come_one_by_one_with_the_place_they_belong_to(tmp_path: Path) -> None:
    decoder = random_decoder(sizes(**EXPERTS, has_qk_norm=False))
    save(decoder, tmp_path, SPECIAL)
    state = decoder.state_dict()
    found = dict(weights(tmp_path, decoder.config))
    assert found.keys() == set(places(decoder.config, state).values())
    for (name, expert), tensor in found.items():
        assert torch.equal(tensor, state[name] if expert is None else state[name][expert])


def test_a_balance_bias_is_not_silently_lost(tmp_path: Path) -> None:
    decoder = random_decoder(sizes(**EXPERTS, balance="bias"))
    save(decoder, tmp_path, SPECIAL)  # all biases are zero: nothing is lost
    assert load(tmp_path).config.balance == "loss"
    decoder.layers[1].mlp.gate.balance_bias[2] = 0.1
    with pytest.raises(UsageError, match="balance bias"):
        save(decoder, tmp_path, SPECIAL)


def test_an_empty_folder_and_damaged_or_foreign_weights_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model"):
        load(tmp_path)
    save(random_decoder(sizes(layers=1)), tmp_path, SPECIAL)
    (tmp_path / "config.json").write_text(json.dumps(published_config(sizes(layers=2), SPECIAL)))
    with pytest.raises(InputError, match="do not fit") as raised:
        load(tmp_path)
    assert "missing" in raised.value.why
    weights_file = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(weights_file[:100])
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("content", ["[]", "{}", '{"weight_map": {"a": "../elsewhere.safetensors"}}', "{"])
def test_an_index_that_leads_elsewhere_is_refused(content: str, tmp_path: Path) -> None:
    save(random_decoder(sizes()), tmp_path, SPECIAL)
    (tmp_path / INDEX).write_text(content)
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
def test_pickles_are_never_opened(name: str, tmp_path: Path) -> None:
    save(random_decoder(sizes()), tmp_path, SPECIAL)
    (tmp_path / name).write_bytes(b"\x80\x04.")
    load(tmp_path)  # beside safetensors they are left alone
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(InputError, match="pickle") as raised:
        load(tmp_path)
    assert name in raised.value.what
    assert "safetensors" in raised.value.fix


def test_a_tied_matrix_that_is_stored_twice_is_read_once(tmp_path: Path) -> None:
    decoder = random_decoder(sizes())
    save(decoder, tmp_path, SPECIAL)
    tensors = {
        published: decoder.state_dict()[name]
        for published, (name, _) in places(decoder.config, decoder.state_dict()).items()
    }
    save_file({**tensors, "lm_head.weight": tensors["model.embed_tokens.weight"].clone()}, tmp_path / WEIGHTS)
    assert torch.equal(load(tmp_path).embed_tokens.weight, decoder.embed_tokens.weight)
