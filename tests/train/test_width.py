from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.decoder import Decoder
from ingot.train.beginning import first_decoder
from ingot.train.config import AdapterConfig, PretrainConfig
from ingot.train.optim import Muon, move, optimizers
from ingot.train.width import rate_factors, scale_first_weights
from tests.train.small import MODEL, settings

WIDE = replace(MODEL, width=128, heads=16, kv_heads=8, ffn_width=256)
MIXTURE = replace(MODEL, experts=4, experts_per_token=2, expert_ffn_width=32)


def named_factors(config: PretrainConfig, model: ModelConfig) -> dict[str, float]:
    decoder, config = Decoder(model), replace(config, model=model)
    factors = rate_factors(decoder, config)
    return {name: factors.get(id(weight), 1.0) for name, weight in decoder.named_parameters()}


def test_at_the_base_width_nothing_changes() -> None:
    at_base, plain = settings(base_width=MODEL.width), settings()
    assert set(named_factors(at_base, MODEL).values()) == {1.0}
    assert named_factors(plain, WIDE) == dict.fromkeys(dict(Decoder(WIDE).named_parameters()), 1.0)
    one, other = (first_decoder(config, torch.float32, None) for config in (at_base, plain))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(("optimizer", "of_matrices"), [("muon", 0.5), ("adamw", 0.25)])
def test_each_part_of_a_wider_model_keeps_its_pace(optimizer: str, of_matrices: float) -> None:
    factors = named_factors(settings(base_width=32, optimizer=optimizer), WIDE)  # four times as wide
    assert factors.pop("embed_tokens.weight") == 1.0
    assert factors.pop("norm.weight") == 0.25
    gains = {name: factors.pop(name) for name in list(factors) if "norm" in name}
    assert set(gains.values()) == {1.0}
    assert set(factors.values()) == {of_matrices}


def test_a_router_is_an_output_and_experts_are_matrices() -> None:
    factors = named_factors(settings(base_width=8), MIXTURE)
    assert factors["layers.0.mlp.gate.weight"] == 0.25
    assert factors["layers.0.mlp.experts.down_proj"] == 0.5


def test_adapters_keep_their_rate() -> None:
    assert set(named_factors(settings(base_width=8, adapters=AdapterConfig()), MODEL).values()) == {1.0}


def test_the_optimisers_take_the_factors() -> None:
    config = replace(settings(base_width=32), model=WIDE)
    decoder = Decoder(WIDE)
    by = optimizers(decoder, config)
    for parameter in decoder.parameters():
        parameter.grad = torch.ones_like(parameter)
    move(by, 1e-3, 0.9)
    factors = rate_factors(decoder, config)
    for optimizer in by:
        beside = 1.0 if isinstance(optimizer, Muon) else 4.0
        for group in optimizer.param_groups:
            assert {group["lr"]} == {1e-3 * beside * factors.get(id(one), 1.0) for one in group["params"]}


def change_of_logits(width: int, base_width: int) -> float:
    """Return how far one step moves the logits of a model, as a root mean square."""
    model = ModelConfig(64, width, 2, width // 8, width // 16, 8, 2 * width, context=32)
    config = PretrainConfig(model, 10, learning_rate=1e-2, base_width=base_width)
    decoder = first_decoder(config, torch.float32, None)
    tokens_BT = torch.arange(64).view(2, 32)

    def logits() -> Tensor:
        return decoder.logits(decoder(tokens_BT))

    before = logits()
    torch.nn.functional.cross_entropy(before.flatten(0, 1), tokens_BT.roll(1, 1).flatten()).backward()
    move(optimizers(decoder, config), config.learning_rate, 0.9)
    with torch.no_grad():
        return float((logits() - before).square().mean().sqrt())


def test_a_step_moves_wide_and_narrow_models_by_as_much() -> None:
    fixed = change_of_logits(512, 64) / change_of_logits(64, 64)
    plain = change_of_logits(512, 0) / change_of_logits(64, 0)
    assert 0.6 < fixed < 1.7
    assert plain > 2.5


def test_an_exported_model_answers_with_equal_logits(tmp_path: Path) -> None:
    decoder = first_decoder(replace(settings(base_width=8), model=WIDE), torch.float32, None)
    save(decoder, tmp_path, SpecialTokens(0, (1,), 2))
    tokens_BT = torch.arange(20).view(2, 10)
    read = load(tmp_path)
    assert torch.equal(read.logits(read(tokens_BT)), decoder.logits(decoder(tokens_BT)))
    assert float(decoder.norm.weight[0].detach()) == 8 / 128


def test_weights_that_were_given_are_not_scaled(tmp_path: Path) -> None:
    decoder = Decoder(MODEL)
    save(decoder, tmp_path, SpecialTokens(0, (1,), 2))
    begun = first_decoder(settings(base_width=8), torch.float32, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(begun.parameters(), decoder.parameters(), strict=True))
    scale_first_weights(decoder, settings())
    assert all(torch.equal(a, b) for a, b in zip(begun.parameters(), decoder.parameters(), strict=True))
