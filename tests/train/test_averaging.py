"""The mean is the formula, survives a restart to the bit, and is what is looked at and published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ingot.core.config import literals
from ingot.core.errors import UsageError
from ingot.flow.artifact import Artifact
from ingot.model.convert import load
from ingot.train.averaging import averaged
from ingot.train.config import AdapterConfig, PretrainConfig
from ingot.train.finishing import round_to_half
from ingot.train.run import pretrain
from ingot.train.state import begin
from ingot.train.trainer import advance
from tests.train.parallel import together
from tests.train.small import context, settings, stream
from tests.train.test_run import made
from tests.train.test_trainer import CPU, Spoiled, Stopped, StoppedAt, same, train

Inputs = Mapping[str, Artifact]
CONFIG = settings(steps=10, checkpoint_every=3, average_decay=0.9)


def test_it_is_the_formula(inputs: Inputs) -> None:
    """By hand and in float64; a skipped batch moves no mean."""
    state, objective = begin(CONFIG, 1, "fp32", CPU), Spoiled(4)
    name, weight = "layers.1.mlp.up_proj.weight", state.decoder.get_parameter("layers.1.mlp.up_proj.weight")
    mean = weight.detach().double().clone()
    for step in range(8):
        is_moved = not advance(state, stream(inputs, CONFIG).batch(step), objective, CONFIG).trouble
        decay = min(0.9, (step + 1) / (step + 10))
        mean = decay * mean + (1 - decay) * weight.detach().double() if is_moved else mean
        torch.testing.assert_close(state.means[name].double(), mean, atol=1e-6, rtol=1e-6)
    assert not torch.equal(state.means[name], weight)


@pytest.mark.parametrize("stop", [2, 5, 8])
def test_it_goes_on_with_the_same_bits(inputs: Inputs, tmp_path: Path, stop: int) -> None:
    unbroken = train(tmp_path / "unbroken", inputs, CONFIG)
    with pytest.raises(Stopped):
        train(tmp_path / "broken", inputs, CONFIG, StoppedAt(stop))
    resumed = train(tmp_path / "broken", inputs, CONFIG)
    assert same(resumed, unbroken)
    assert all(torch.equal(mean, unbroken.means[name]) for name, mean in resumed.means.items())


def test_the_training_itself_does_not_notice(inputs: Inputs, tmp_path: Path) -> None:
    plain = train(tmp_path / "plain", inputs, settings(steps=6))
    beside = train(tmp_path / "beside", inputs, settings(steps=6, average_decay=0.99))
    assert all(torch.equal(a, b) for a, b in zip(plain.decoder.parameters(), beside.decoder.parameters(), strict=True))
    before = [weight.detach().clone() for weight in beside.decoder.parameters()]
    with averaged(beside):
        for name, weight in beside.decoder.named_parameters():
            assert torch.equal(weight, beside.means[name])
    assert all(torch.equal(a, b) for a, b in zip(before, beside.decoder.parameters(), strict=True))


def seen(decoder: torch.nn.Module, step: int, inputs: Inputs, context: object) -> dict[str, float]:
    """A hook for these tests."""
    return {"seen": float(decoder.get_parameter("norm.weight").detach().double().sum())}


def test_the_mean_is_what_is_looked_at_and_published(inputs: Inputs, tmp_path: Path) -> None:
    config = settings(steps=6, average_decay=0.9, hooks=(f"{__name__}:seen",))
    facts = pretrain(config, inputs, context(tmp_path / "model"))
    state = train(tmp_path / "again", inputs, config)
    with averaged(state):
        assert facts["seen"] == pytest.approx(float(state.decoder.norm.weight.detach().double().sum()))
        round_to_half(state.decoder)
        wanted = state.decoder.state_dict()
        for name, weight in load(tmp_path / "model").state_dict().items():
            assert torch.equal(weight, wanted[name])
    assert made(tmp_path / "model")


def test_a_share_of_the_start_is_published_and_survives_a_restart(inputs: Inputs, tmp_path: Path) -> None:
    pretrain(settings(steps=3), inputs, context(tmp_path / "start"))
    config = settings(steps=4, start_share=0.25, checkpoint_every=2)
    begun = {name: weight.clone() for name, weight in load(tmp_path / "start").state_dict().items()}
    unbroken = train(tmp_path / "unbroken", inputs, config, start=tmp_path / "start")
    with pytest.raises(Stopped):
        train(tmp_path / "broken", inputs, config, StoppedAt(3), start=tmp_path / "start")
    resumed = train(tmp_path / "broken", inputs, config, start=tmp_path / "start")
    plain = train(tmp_path / "plain", inputs, replace(config, start_share=0.0), start=tmp_path / "start")
    assert same(resumed, unbroken)
    with averaged(resumed):
        for name, weight in resumed.decoder.named_parameters():
            wanted = 0.75 * plain.decoder.get_parameter(name) + 0.25 * begun[name]
            torch.testing.assert_close(weight, wanted)
    assert same(resumed, unbroken)


@pytest.mark.parametrize("kept", [1.0, -0.1])
def test_a_share_that_is_none_is_refused(kept: float) -> None:
    with pytest.raises(UsageError, match="start_share"):
        settings(start_share=kept)


def test_a_share_of_random_weights_is_refused(inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="random weights"):
        pretrain(settings(steps=3, start_share=0.2), inputs, context(tmp_path / "model"))


def test_what_does_not_learn_has_no_mean(inputs: Inputs) -> None:
    config = settings(average_decay=0.9, adapters=AdapterConfig(rank=2))
    state = begin(config, 1, "fp32", CPU)
    assert {name.rpartition(".")[2] for name in state.means} == {"lora_A", "lora_B"}


@pytest.mark.slow
def test_processes_that_share_the_weights_publish_the_same_mean(inputs: Inputs, tmp_path: Path) -> None:
    """Layers that are computed again go with it."""
    config = settings(steps=6, average_decay=0.9, recompute=True, learning_rate=1e-3)
    pretrain(config, inputs, context(tmp_path / "alone"))
    together.train(together.request(tmp_path / "shared", inputs, config, 2))
    wanted = load(tmp_path / "alone").state_dict()
    for name, weight in load(tmp_path / "shared").state_dict().items():
        torch.testing.assert_close(weight, wanted[name], atol=2e-5, rtol=1e-3)


def test_recipes_without_it_are_the_same_as_before() -> None:
    assert "average_decay" not in literals(settings())
    assert literals(settings(average_decay=0.5))["average_decay"] == 0.5
    assert isinstance(CONFIG, PretrainConfig)
