"""What is computed again has the same bits, and far less is kept meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.train.config import AdapterConfig, PretrainConfig
from ingot.train.probe import random_batch
from ingot.train.state import begin
from ingot.train.trainer import advance
from tests.train.small import MODEL, settings
from tests.train.test_trainer import CPU, LOSS, same, train

DENSE = ModelConfig(128, width=32, layers=4, heads=4, kv_heads=2, head_width=8, ffn_width=96)
EXPERTS = ModelConfig(
    128, 32, 3, 4, 2, 8, 64, experts=4, experts_per_token=2, expert_ffn_width=32, balance_loss=0.02, router_z_loss=0.01
)


def kept_bytes(config: PretrainConfig) -> int:
    """Return the bytes autograd holds between the forward and the backward pass, weights left out."""
    state = begin(config, 1, "fp32", CPU)
    weights = {weight.data_ptr() for weight in state.decoder.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    tokens = torch.from_numpy(random_batch(128, 4, 128).tokens)
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        hidden = state.decoder(tokens)
    assert hidden.requires_grad
    return sum(kept.values())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("model", [DENSE, EXPERTS], ids=["dense", "experts"])
def test_the_bits_are_the_same(model: ModelConfig, precision: str) -> None:
    states = []
    for recompute in (False, True):
        config = settings(sequence_length=128, recompute=recompute)
        config = PretrainConfig(**{**vars(config), "model": model})
        state = begin(config, 1, precision, CPU)
        reports = [advance(state, random_batch(128, 4, 128, seed), LOSS, config, seed == 1) for seed in range(3)]
        states.append((state, [report.loss for report in reports], reports[-1].gradient_norm))
    assert states[0][1:] == states[1][1:]
    assert same(states[0][0], states[1][0])


def test_far_less_is_kept() -> None:
    plain, again = (
        kept_bytes(PretrainConfig(DENSE, steps=1, precision="fp32", recompute=recompute)) for recompute in (False, True)
    )
    inputs_of_layers = DENSE.layers * 4 * 128 * DENSE.width * 4
    assert again < 3 * inputs_of_layers
    assert again < plain / 8


def test_adapters_and_a_restart_go_with_it(inputs: Mapping[str, Artifact], tmp_path: Path) -> None:
    config = settings(steps=4, recompute=True)
    assert same(train(tmp_path / "a", inputs, config), train(tmp_path / "b", inputs, settings(steps=4)))
    adapted = begin(settings(recompute=True, adapters=AdapterConfig(rank=2)), 1, "fp32", CPU)
    advance(adapted, random_batch(MODEL.vocabulary, 4, 32), LOSS, settings())
    assert isinstance(adapted.decoder, Decoder)
