"""Policy gradients against their slow formulas, and learned by a real training that can be stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ingot.core.errors import InputError, UsageError
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.flow.artifact import Artifact
from ingot.model.convert import load as load_decoder
from ingot.model.decoder import Decoder
from ingot.plan.parallel import ParallelPlan
from ingot.tokenizer.codec import Codec
from ingot.train.config import AdapterConfig, PretrainConfig
from ingot.train.objective import Given, TensorBatch, pieces
from ingot.train.objectives.policy_gradient import (
    BATCHES_ALIKE,
    Config,
    Kind,
    _seed,
    advantages_of,
    loss,
    policy_sum,
)
from ingot.train.prompts import prompts_in
from ingot.train.rewards import likeness
from ingot.train.rollouts import Drawing, draw
from ingot.train.run import pretrain, train
from tests.train.small import Told, context, settings
from tests.train.sums import ROW, model_config

OWN = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Config:
    worth: float = 0.5

def reward(prompt, expected, answers, config):
    return [{body} for answer in answers]
"""


@pytest.fixture
def given(sums: Mapping[str, Artifact]) -> Given:
    return Given({name: made.path for name, made in sums.items()})


@pytest.fixture
def policy(given: Given) -> Decoder:
    """A model that has moved away from its start."""
    decoder = load_decoder(given.folder("start", ""))
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.add_(torch.randn_like(weight) * 0.02)
    return decoder


@pytest.fixture
def batch(given: Given) -> TensorBatch:
    stream = Stream(Shards.open(given.folder("shards", ""), "train"), 2, ROW, 0)
    return next(pieces(stream.batch(0), 1, torch.device("cpu")))


def config_of(codec: Codec, **changes: Any) -> PretrainConfig:
    usual = settings(sequence_length=ROW, objective="policy_gradient", optimizer="adamw", **changes)
    return PretrainConfig(**{**vars(usual), "model": model_config(codec)})


def slowly(decoder: Decoder, batch: TensorBatch, config: Config, given: Given) -> Tensor:
    """Read every answer alone, and write the formulas out."""
    codec, start = given.codec, load_decoder(given.folder("start", ""))
    asked = prompts_in(batch, codec)
    drawing = Drawing(config.answers, config.answer_tokens, config.temperature)
    groups = draw(decoder, [each.ids for each in asked], codec, drawing, _seed(decoder, config))
    total, tokens, answers = torch.zeros(()), 0, 0
    for prompt, group in zip(asked, groups, strict=True):
        said = [codec.decode([t for t in each.ids if t not in (codec.end_of_turn, codec.eos)]) for each in group]
        rewards = torch.tensor(likeness.reward("", prompt.expected, said, likeness.Config()))
        advantages = rewards - rewards.mean()
        if config.is_scaled:
            advantages = advantages / (rewards.std() + 1e-4)
        for advantage, answer in zip(advantages, group, strict=True):
            ids = torch.tensor([[*prompt.ids, *answer.ids]])
            place = torch.arange(len(prompt.ids) - 1, ids.size(1) - 1)
            own, reference = (
                (model.logits(model(ids))[0] / config.temperature).log_softmax(-1)[place, ids[0, place + 1]]
                for model in (decoder, start)
            )
            each = -advantage * (own - own.detach()).exp()
            if config.beta:
                ratio = (own - own.detach()).exp()
                each = each + config.beta * ratio * ((reference - own).exp() - (reference - own) - 1)
            total = total + (each.mean() if config.kind == "grpo" else each.sum())
            tokens, answers = tokens + len(place), answers + 1
    return total / {"dapo": tokens, "grpo": answers, "dr_grpo": answers * config.answer_tokens}[config.kind]


@pytest.mark.parametrize(
    "config",
    [
        Config(kind="dapo"),
        Config(kind="grpo", is_scaled=True),
        Config(kind="dr_grpo", beta=0.2),
        Config(kind="grpo", temperature=0.8, beta=0.1),
    ],
    ids=lambda config: config.kind,
)
def test_loss_and_gradient_are_those_of_answers_read_one_by_one(
    config: Config, policy: Decoder, batch: TensorBatch, given: Given
) -> None:
    config = replace(config, answers=4, answer_tokens=6)
    made = loss(policy, batch, config, given)
    wanted = slowly(policy, batch, config, given)
    torch.testing.assert_close(made.total / made.count, wanted, atol=1e-5, rtol=1e-5)
    mine = torch.autograd.grad(made.total / made.count, list(policy.parameters()))
    for one, other in zip(mine, torch.autograd.grad(wanted, list(policy.parameters())), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["dapo", "grpo", "dr_grpo"])
def test_answers_that_teach_nothing_are_counted_and_not_read(kind: Kind) -> None:
    own, config = torch.tensor([-1.0, -2.0, -3.0], requires_grad=True), Config(kind=kind)
    total = policy_sum(own, torch.tensor([0.5, -0.5]), torch.tensor([2, 1]), config)
    [gradient] = torch.autograd.grad(total, own)
    share = 0.5 if kind == "grpo" else 1.0
    assert gradient.tolist() == [-0.5 * share, -0.5 * share, 0.5]
    assert advantages_of([0.1] * 7) == [0.0] * 7


def test_a_training_learns_what_is_rewarded_and_a_stop_changes_no_bit(
    sums: Mapping[str, Artifact], tmp_path: Path
) -> None:
    codec = Codec.load(sums["tokenizer"].path)
    (tmp_path / "ones.py").write_text(OWN.replace("{body}", "answer.count('1') * config.worth"))
    options = {"reward": str(tmp_path / "ones.py"), "reward_options": {"worth": 1.0}, "answer_tokens": 4}
    config = config_of(
        codec, steps=24, learning_rate=2e-2, objective_options=options, checkpoint_every=8, spike_factor=0.0
    )
    pretrain(config, sums, context(tmp_path / "whole"))
    curve = (tmp_path / "whole/curve.jsonl").read_text()
    lines = [json.loads(line) for line in curve.splitlines()]
    assert lines[-1]["reward"] > 1 > 4 * lines[0]["reward"]
    assert {"reward", "answer_tokens", "differing_groups"} <= lines[0].keys()

    stopped = context(tmp_path / "stopped", _Stopping(after=11))
    with pytest.raises(KeyboardInterrupt):
        pretrain(config, sums, stopped)
    pretrain(config, sums, context(tmp_path / "stopped"))
    assert (tmp_path / "stopped/curve.jsonl").read_text() == curve
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "stopped")]
    assert weights[0] == weights[1]


class _Stopping(Told):
    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def __call__(self, kind: str, /, **fields: Any) -> None:
        if kind == "progress" and fields["done"] >= self._after:
            raise KeyboardInterrupt


def test_adapters_are_trained_beside_the_start_they_are_held_near(sums: Mapping[str, Artifact], tmp_path: Path) -> None:
    options = {"answer_tokens": 3, "beta": 0.1}
    codec = Codec.load(sums["tokenizer"].path)
    config = config_of(codec, steps=2, objective_options=options, adapters=AdapterConfig(rank=4), spike_factor=0.0)
    pretrain(config, sums, context(tmp_path / "work"))
    first, second = (json.loads(line) for line in (tmp_path / "work/curve.jsonl").read_text().splitlines())
    assert first["gradient_norm"] > 0
    assert second["loss"] != first["loss"]


def test_rewards_that_are_always_the_same_are_told_once(
    policy: Decoder, batch: TensorBatch, given: Given, tmp_path: Path
) -> None:
    (tmp_path / "same.py").write_text(OWN.replace("{body}", "config.worth"))
    config = Config(reward=str(tmp_path / "same.py"), answers=2, answer_tokens=1)
    told = [loss(policy, batch, config, given) for _ in range(BATCHES_ALIKE + 2)]
    notes = [note for each in told for note in each.notes]
    assert len(notes) == 1
    assert "(0.5)" in notes[0]
    assert all(float(each.total.detach()) == 0 for each in told)


def test_a_reward_that_is_no_number_ends_the_training(
    policy: Decoder, batch: TensorBatch, given: Given, tmp_path: Path
) -> None:
    (tmp_path / "none.py").write_text(OWN.replace("{body}", "float('nan')"))
    with pytest.raises(InputError, match="gave nan"):
        loss(policy, batch, Config(reward=str(tmp_path / "none.py"), answer_tokens=2), given)


def test_a_prompt_without_room_for_an_answer_is_refused(given: Given, batch: TensorBatch) -> None:
    with pytest.raises(InputError, match="at once"):
        loss(Decoder(replace(model_config(given.codec), context=12)), batch, Config(), given)


@pytest.mark.parametrize("name", ["data", "shard", "tensor"])
def test_several_processes_are_refused(sums: Mapping[str, Artifact], tmp_path: Path, name: str) -> None:
    config = config_of(Codec.load(sums["tokenizer"].path))
    with pytest.raises(UsageError, match="policy_gradient"):
        train(config, sums, context(tmp_path), ParallelPlan(**{name: 2}))


@pytest.mark.parametrize(
    ("option", "value"), [("answers", 1), ("answer_tokens", 0), ("temperature", 0.0), ("beta", -0.1)]
)
def test_settings_that_cannot_work_are_refused(option: str, value: Any) -> None:
    with pytest.raises(UsageError, match=option):
        Config(**{option: value})
