from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from ingot.core.errors import KilledError, StepError
from ingot.flow.artifact import Artifact
from ingot.model.decoder import Decoder
from ingot.train import trainer
from ingot.train.checkpoint import Checkpoints
from ingot.train.config import PretrainConfig
from ingot.train.journal import Journal, read_curve
from ingot.train.objective import Loss, Objective, TensorBatch
from ingot.train.objectives import next_token
from ingot.train.saving import Saver
from ingot.train.state import TrainingState, begin, restore, tensors
from ingot.train.trainer import REWINDS_ALLOWED, SKIPS_ALLOWED, Trainer, advance
from tests.train.small import Told, settings, stream

CPU = torch.device("cpu")
LOSS: Objective = partial(next_token.loss, config=next_token.Config())
Inputs = Mapping[str, Artifact]


def train(
    folder: Path,
    inputs: Inputs,
    config: PretrainConfig,
    objective: Objective = LOSS,
    told: Told | None = None,
    start: Path | None = None,
) -> TrainingState:
    """Start or go on in a folder, as the step does."""
    told = told or Told()
    folder.mkdir(exist_ok=True)
    checkpoints = Checkpoints(folder / "checkpoints", 2, told, every=config.checkpoint_every)
    state, saved = begin(config, 1, "fp32", CPU, start), checkpoints.newest()
    if saved:
        restore(state, saved.tensors, saved.scalars)
    with (
        Journal(folder / "curve.jsonl", config.steps, state.step, told) as journal,
        Saver(checkpoints) as saver,
    ):
        Trainer(config, objective, stream(inputs, config), final_norm, journal, saver).run(state)
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
    assert [warning["at_step"] for warning in told.of("warning")] == [3]
    curve = read_curve(tmp_path / "curve.jsonl")
    assert [line["step"] for line in curve if "skipped" in line] == [3]
    assert all(torch.isfinite(weight).all() for weight in state.decoder.parameters())
    before, report = tensors(state), advance(state, stream(inputs, config).batch(0), Spoiled(1), config)
    assert report.trouble
    assert all(torch.equal(weight, before[name]) for name, weight in tensors(state).items())


def test_a_training_that_has_fallen_apart_is_stopped(inputs: Inputs, tmp_path: Path) -> None:
    spoiled = Spoiled(*range(4, 100))
    with pytest.raises(StepError, match="fallen apart") as raised:
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


class Scaled(Spoiled):
    """The usual objective, except that chosen calls give a loss many times too large."""

    def __call__(self, decoder: Decoder, batch: TensorBatch) -> Loss:
        self.count += 1
        loss = LOSS(decoder, batch)
        return replace(loss, total=loss.total * 1000) if self.count in self.calls else loss


def test_a_spike_is_skipped_and_says_what_it_read(inputs: Inputs, tmp_path: Path) -> None:
    told, config = Told(), settings(steps=12)
    train(tmp_path, inputs, config, Scaled(8), told)
    (warning,) = told.of("warning")
    assert warning["at_step"] == 8
    assert "times as long as usual" in warning["text"]
    assert stream(inputs, config).documents(7)[0] in warning["text"]
    assert [line["step"] for line in read_curve(tmp_path / "curve.jsonl") if "skipped" in line] == [8]


def test_a_spike_in_the_warmup_is_not_one(inputs: Inputs, tmp_path: Path) -> None:
    told = Told()
    train(tmp_path, inputs, settings(steps=5, warmup_steps=5), Scaled(3), told)
    assert told.of("warning") == []


def test_what_does_not_pass_goes_back_to_the_checkpoint_and_past_the_data(inputs: Inputs, tmp_path: Path) -> None:
    config = settings(steps=20, checkpoint_every=6)
    told = Told()
    state = train(tmp_path / "a", inputs, config, Scaled(*range(9, 14)), told)
    assert (state.step, state.batch) == (20, 27)  # steps 7 to 13 were taken back, with their seven batches
    text = told.of("warning")[-1]["text"]
    assert "going back from step 13 to step 6, without batches 6 to 12" in text
    curve = read_curve(tmp_path / "a" / "curve.jsonl")
    assert [line["step"] for line in curve] == list(range(1, 21))
    assert not [line for line in curve if "skipped" in line]


def test_a_training_killed_after_it_went_back_ends_the_same(inputs: Inputs, tmp_path: Path) -> None:
    """The spikes come with the batches, as they do in life, so they come again."""
    config = settings(steps=20, checkpoint_every=6)
    bad = {tuple(stream(inputs, config).batch(number).tokens[0]) for number in range(8, 13)}

    class BadBatches:
        stop_at = 0
        count = 0

        def __call__(self, decoder: Decoder, batch: TensorBatch) -> Loss:
            self.count += 1
            if self.count == self.stop_at:
                raise Stopped
            loss = LOSS(decoder, batch)
            return replace(loss, total=loss.total * 1000) if tuple(batch.tokens_BT[0].tolist()) in bad else loss

    unbroken = train(tmp_path / "unbroken", inputs, config, BadBatches())
    broken = BadBatches()
    broken.stop_at = 16  # two steps after it went back
    with pytest.raises(Stopped):
        train(tmp_path / "broken", inputs, config, broken)
    assert same(train(tmp_path / "broken", inputs, config, BadBatches()), unbroken)


def test_saves_between_the_regular_ones_change_nothing_and_are_what_it_goes_on_from(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saving pays after every step here: each save is waited for, and nothing is too soon."""
    monkeypatch.setattr(trainer, "seconds_between_saves", lambda *_: 0.0)
    is_due = Saver.is_due

    def is_due_when_done(self: Saver, seconds: float) -> bool:
        self.wait()
        return is_due(self, seconds)

    monkeypatch.setattr(Saver, "is_due", is_due_when_done)
    config = settings(steps=12, checkpoint_every=5)
    unbroken = train(tmp_path / "unbroken", inputs, config)

    class Breaking:
        count = 0

        def __call__(self, decoder: Decoder, batch: TensorBatch) -> Loss:
            self.count += 1
            if self.count == 10:
                raise Stopped
            return LOSS(decoder, batch)

    with pytest.raises(Stopped):
        train(tmp_path / "broken", inputs, config, Breaking())
    saved = Checkpoints(tmp_path / "broken/checkpoints", 2, Told()).newest()
    assert saved is not None
    assert saved.scalars["step"] == 9
    assert same(train(tmp_path / "broken", inputs, config), unbroken)


def test_what_comes_back_every_time_stops_the_training(inputs: Inputs, tmp_path: Path) -> None:
    spoiled = Spoiled(*range(9, 200))
    with pytest.raises(StepError, match="fallen apart"):
        train(tmp_path, inputs, settings(steps=50, checkpoint_every=6), spoiled)
    assert spoiled.count == 8 + (SKIPS_ALLOWED + 1) * (REWINDS_ALLOWED + 1)


def flip_an_exponent_bit(decoder: Decoder) -> None:
    weight = decoder.layers[0].mlp.up_proj.weight.detach()
    weight.view(torch.int32)[3, 5] ^= 1 << 28


def test_a_weight_that_changes_in_memory_costs_the_steps_since_the_checkpoint(inputs: Inputs, tmp_path: Path) -> None:
    config, told = settings(steps=10, checkpoint_every=3), Told()
    unbroken = train(tmp_path / "unbroken", inputs, config)
    state = begin(config, 1, "fp32", CPU)
    flipped: list[int] = []

    def flip(step: int) -> None:
        if step == 5 and not flipped:
            flipped.append(step)
            flip_an_exponent_bit(state.decoder)

    with (
        Journal(tmp_path / "curve.jsonl", config.steps, 0, told) as journal,
        Saver(Checkpoints(tmp_path / "checkpoints", 2, told)) as saver,
    ):
        Trainer(config, LOSS, stream(inputs, config), final_norm, journal, saver, beat=flip).run(state)
    assert "weights changed in memory" in told.of("warning")[0]["text"]
    assert same(state, unbroken)


@pytest.mark.parametrize("wrong", [4, 5])
def test_a_gradient_that_comes_out_differently_is_computed_again(inputs: Inputs, tmp_path: Path, wrong: int) -> None:
    """Step 4 is verified, so calls 4 and 5 compute its gradient."""
    config = settings(steps=6, verify_every=4)
    told = Told()
    unbroken = train(tmp_path / "unbroken", inputs, config)
    state = train(tmp_path / "faulty", inputs, config, Scaled(wrong), told)
    assert "computed again" in told.of("warning")[0]["text"]
    assert same(state, unbroken)


def test_a_machine_that_never_computes_the_same_is_refused(inputs: Inputs, tmp_path: Path) -> None:
    class Random:
        def __call__(self, decoder: Decoder, batch: TensorBatch) -> Loss:
            loss = LOSS(decoder, batch)
            return replace(loss, total=loss.total * torch.rand(()))

    with pytest.raises(StepError, match="differently every time"):
        train(tmp_path, inputs, settings(steps=6, verify_every=4), Random())


@pytest.mark.parametrize("rate", [1.0, 1e6])
def test_a_loss_that_explodes_from_the_first_step_ends_the_training(
    inputs: Inputs, tmp_path: Path, rate: float
) -> None:
    told = Told()
    config = settings(steps=60, warmup_steps=4, learning_rate=rate, optimizer="adamw")
    with pytest.raises(StepError, match="fallen apart") as raised:
        train(tmp_path, inputs, config, told=told)
    assert len(read_curve(tmp_path / "curve.jsonl")) < 40
    assert f"such as {rate / 10:.2g}" in raised.value.fix
    assert told.of("warning")


def test_asked_to_stop_it_saves_and_goes_on_later_with_the_same_bits(inputs: Inputs, tmp_path: Path) -> None:
    config = settings(steps=10, checkpoint_every=8)
    unbroken = train(tmp_path / "unbroken", inputs, config)
    state = begin(config, 1, "fp32", CPU)
    folder = tmp_path / "stopped"
    folder.mkdir()

    def asked() -> bool:
        return state.step >= 5

    with (
        Journal(folder / "curve.jsonl", config.steps, 0, Told()) as journal,
        Saver(Checkpoints(folder / "checkpoints", 2, Told())) as saver,
    ):
        trainer = Trainer(config, LOSS, stream(inputs, config), final_norm, journal, saver, is_asked_to_stop=asked)
        with pytest.raises(KilledError, match="saved at step 5 of 10"):
            trainer.run(state)
    assert same(train(folder, inputs, config), unbroken)
