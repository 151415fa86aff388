from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from ingot.core.errors import StepError
from ingot.flow.artifact import Artifact
from ingot.model.decoder import Decoder
from ingot.train.checkpoint import Checkpoints
from ingot.train.config import PretrainConfig
from ingot.train.journal import Journal, read_curve
from ingot.train.objective import Loss, Objective, TensorBatch
from ingot.train.objectives import next_token
from ingot.train.state import TrainingState, begin, restore, tensors
from ingot.train.trainer import SKIPS_ALLOWED, Trainer, advance
from tests.train.small import Told, settings, stream

CPU = torch.device("cpu")
LOSS: Objective = partial(next_token.loss, config=next_token.Config())
Inputs = Mapping[str, Artifact]


def train(
    folder: Path, inputs: Inputs, config: PretrainConfig, objective: Objective = LOSS, told: Told | None = None
) -> TrainingState:
    """Start or go on in a folder, as the step does."""
    told = told or Told()
    folder.mkdir(exist_ok=True)
    checkpoints = Checkpoints(folder / "checkpoints", 2, told)
    state, saved = begin(config, 1, "fp32", CPU), checkpoints.newest()
    if saved:
        restore(state, saved.tensors, saved.scalars)
    with Journal(folder / "curve.jsonl", config.steps, state.step, told) as journal:
        Trainer(config, objective, stream(inputs, config), final_norm, journal, checkpoints).run(state)
    return state


def final_norm(decoder: Decoder, step: int) -> dict[str, float]:
    return {"final_norm": float(decoder.norm.weight.detach().norm())}


class Spoiled:
    """The usual objective, except that chosen calls (counted from 1) give no number."""

    def __init__(self, *calls: int) -> None:
        self.calls, self.count = calls, 0

    def __call__(self, decoder: Decoder, batch: TensorBatch) -> Loss:
        self.count += 1
        loss = LOSS(decoder, batch)
        return replace(loss, total=loss.total * math.nan) if self.count in self.calls else loss


class Stopped(Exception):
    """Stands for a kill between two steps."""


class StoppedAt(Spoiled):
    def __call__(self, decoder: Decoder, batch: TensorBatch) -> Loss:
        if self.count + 1 in self.calls:
            raise Stopped
        return super().__call__(decoder, batch)


def same(one: TrainingState, other: TrainingState) -> bool:
    first, second = tensors(one), tensors(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_the_loss_falls(inputs: Inputs, tmp_path: Path, optimizer: str) -> None:
    config = settings(steps=60, optimizer=optimizer, learning_rate=1e-2)
    state = train(tmp_path, inputs, config)
    losses = [line["loss"] for line in read_curve(tmp_path / "curve.jsonl")]
    assert losses[0] == pytest.approx(math.log(512), rel=0.02)  # untrained: all tokens alike
    assert sum(losses[-5:]) / 5 < losses[0] - 1.0
    assert (state.step, state.tokens) == (60, 60 * 4 * 32)


@pytest.mark.parametrize("stop", [1, 4, 5, 8, 11])
def test_stopped_anywhere_and_started_again_it_ends_with_the_same_bits(
    inputs: Inputs, tmp_path: Path, stop: int
) -> None:
    config = settings(steps=10, checkpoint_every=3, evaluate_every=2)
    unbroken = train(tmp_path / "unbroken", inputs, config)
    with pytest.raises(Stopped):
        train(tmp_path / "broken", inputs, config, StoppedAt(min(stop, 10)))
    resumed = train(tmp_path / "broken", inputs, config)
    assert same(resumed, unbroken)
    curves = [(tmp_path / name / "curve.jsonl").read_bytes() for name in ("unbroken", "broken")]
    assert curves[0] == curves[1]


def test_pieces_of_a_batch_move_the_weights_as_the_whole_does(inputs: Inputs) -> None:
    weights = []
    for accumulate in (1, 2, 4):
        config = settings(accumulate=accumulate, optimizer="adamw")
        state = begin(config, 1, "fp32", CPU)
        reports = [advance(state, stream(inputs, config).batch(step), LOSS, config) for step in range(3)]
        weights.append((reports[-1].loss, reports[-1].gradient_norm, state.decoder.state_dict()))
    for loss, norm, found in weights[1:]:
        assert loss == pytest.approx(weights[0][0], rel=1e-5)
        assert norm == pytest.approx(weights[0][1], rel=1e-4)
        for name, weight in found.items():
            torch.testing.assert_close(weight, weights[0][2][name], rtol=1e-3, atol=1e-4)


def test_a_step_is_the_step_of_the_textbook(inputs: Inputs) -> None:
    """One AdamW step with clipping, done by hand with the library's own loss and optimiser."""
    config = settings(optimizer="adamw", gradient_clip=0.5, warmup_steps=4, learning_rate=1e-2)
    state = begin(config, 1, "fp32", CPU)
    torch.manual_seed(config.seed)
    by_hand = Decoder(config.model)
    batch = stream(inputs, config).batch(0)
    tokens, targets, segments = (torch.tensor(array) for array in (batch.tokens, batch.targets, batch.segments))
    logits = by_hand.logits(by_hand(tokens, segments))
    loss: Any = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(by_hand.parameters(), 0.5)
    torch.optim.AdamW(by_hand.parameters(), lr=1e-2 / 4, betas=(0.9, 0.95), weight_decay=0.0).step()
    report = advance(state, batch, LOSS, config)
    assert report.loss == pytest.approx(loss.item(), rel=1e-5)
    assert report.gradient_norm == pytest.approx(norm.item(), rel=1e-4)
    for one, other in zip(state.decoder.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_a_batch_without_a_number_is_skipped_with_a_warning_and_moves_nothing(inputs: Inputs, tmp_path: Path) -> None:
    told, config = Told(), settings(steps=6)
    state = train(tmp_path, inputs, config, Spoiled(3), told)
    assert [warning["step"] for warning in told.of("warning")] == [3]
    curve = read_curve(tmp_path / "curve.jsonl")
    assert [line["step"] for line in curve if "skipped" in line] == [3]
    assert all(torch.isfinite(weight).all() for weight in state.decoder.parameters())
    before, report = tensors(state), advance(state, stream(inputs, config).batch(0), Spoiled(1), config)
    assert report.is_skipped
    assert all(torch.equal(weight, before[name]) for name, weight in tensors(state).items())


def test_a_training_that_has_fallen_apart_is_stopped(inputs: Inputs, tmp_path: Path) -> None:
    spoiled = Spoiled(*range(4, 100))
    with pytest.raises(StepError, match="not a number") as raised:
        train(tmp_path, inputs, settings(steps=50), spoiled)
    assert spoiled.count == 3 + SKIPS_ALLOWED + 1
    assert "learning rate" in raised.value.fix


def test_skips_that_are_not_in_a_row_do_not_stop_it(inputs: Inputs, tmp_path: Path) -> None:
    state = train(tmp_path, inputs, settings(steps=16), Spoiled(*range(2, 17, 2)))
    assert state.step == 16


def test_looking_saving_and_the_last_step(inputs: Inputs, tmp_path: Path) -> None:
    train(tmp_path, inputs, settings(steps=7, evaluate_every=3, checkpoint_every=4))
    curve = read_curve(tmp_path / "curve.jsonl")
    assert [line["step"] for line in curve if "final_norm" in line] == [3, 6, 7]
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-00000004", "step-00000007"]
