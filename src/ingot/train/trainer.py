"""The training loop, whatever is learned.

A step reads its batch, asks the objective for a loss, and moves the weights; then whoever looks, looks, the journal
writes it down, and from time to time the state is saved. Everything a step depends on is in the state, so a killed run
goes on from its last checkpoint with the same bits.

    batch -> pieces -> loss, backward -> scale and clip -> rate -> optimisers -> hooks -> journal -> checkpoint

What is wrong with the numbers is met here, too: a bad batch is skipped; after several in a row the training goes back
to its last checkpoint and past the data that led there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ingot.core.errors import KilledError, StepError
from ingot.data.stream import Batch
from ingot.model.decoder import Decoder
from ingot.model.moe import update_balance
from ingot.plan.parallel import rows_at_once
from ingot.train.averaging import follow
from ingot.train.cadence import seconds_between_saves
from ingot.train.config import PretrainConfig
from ingot.train.health import bits_of, check_twice, learn_usual, trouble_with
from ingot.train.journal import Journal, StepReport
from ingot.train.objective import Batches, Loss, Objective, TensorBatch, pieces
from ingot.train.optim import move, scale_and_clip
from ingot.train.parallel.placement import Placement
from ingot.train.saving import Saver
from ingot.train.schedule import momentum_at, rate_at
from ingot.train.state import TrainingState, regions, restore, scalars, tensors

# One bad batch is bad luck; this many in a row are a training that has fallen apart.
SKIPS_ALLOWED = 4
# From one checkpoint: what comes back every time will not go away.
REWINDS_ALLOWED = 3
_DOCUMENTS_NAMED = 5


@dataclass(frozen=True, eq=False)
class Trainer:
    """A training's settings and collaborators.

    `look` returns the hooks' metrics for (decoder, steps done); `beat` is told after every step how many are done;
    `is_asked_to_stop` says whether to save and end.
    """

    config: PretrainConfig
    objective: Objective
    batches: Batches
    look: Callable[[Decoder, int], dict[str, float]]
    journal: Journal
    saver: Saver
    beat: Callable[[int], None] = lambda _: None
    is_asked_to_stop: Callable[[], bool] = lambda: False

    def run(self, state: TrainingState) -> None:
        """Bring the state to the last step.

        Raises StepError when the loss stays not a number, KilledError when it was asked to stop; all is saved then.
        """
        while state.step < self.config.steps:
            if (changed := _changed(state)) is not None:
                self._rewind(state, f"weights changed in memory between two steps{changed}", passes_data=False)
                continue
            report = self._step(state)
            if self._is_due(state.step, self.config.evaluate_every):
                seen = self.look(state.decoder, state.step)
                report = replace(report, metrics={**report.metrics, **seen})
            self.journal.record(report)
            self.beat(state.step)
            if state.skipped_in_row > SKIPS_ALLOWED:
                self._rewind(state, f"{state.skipped_in_row} steps in a row were skipped", passes_data=True)
            elif self._is_due(state.step, self.config.checkpoint_every) and not state.skipped_in_row:
                state.rewinds = 0
                self._save(state)
            else:
                self._save_if_asked(state)
        self.saver.wait()

    def _save_if_asked(self, state: TrainingState) -> None:
        """Save and end when somebody asked for that; save when it pays, which the first rank's clock decides."""
        ranks = state.placement.ranks
        seconds = seconds_between_saves(self.saver.cost, state.seconds, state.starts)
        pays = ranks.rank == 0 and not state.skipped_in_row and self.saver.is_due(seconds)
        asked, due = ranks.sums([float(self.is_asked_to_stop()), float(pays)])
        if asked or due:
            self._save(state)
        if asked:
            self.saver.wait()
            raise _stopped(state, self.config)

    def _step(self, state: TrainingState) -> StepReport:
        number = state.batch
        is_verified = self.config.verify_every > 0 and (state.step + 1) % self.config.verify_every == 0
        report = advance(state, self.batches.batch(number), self.objective, self.config, is_verified)
        if not report.trouble:
            return report
        named = state.placement.ranks.all(self.batches.documents(number))
        documents = list(dict.fromkeys(document for rank in named for document in rank))
        return replace(report, trouble=f"{report.trouble}; it read {_listed(documents)}")

    def _rewind(self, state: TrainingState, why: str, passes_data: bool) -> None:
        """Go back to the last checkpoint, and past the data read since then if that is to blame."""
        step, batch, rewinds, skipped = state.step, state.batch, state.rewinds, state.skipped_in_row
        # What led here may have been in the last checkpoint already: the second time it goes back one further.
        saved = self.saver.go_back(rewinds) if rewinds < REWINDS_ALLOWED else None
        if saved is None:
            raise _fallen_apart(state, self.config) if skipped else _changed_in_memory(state)
        restore(state, saved.tensors, saved.scalars)
        state.rewinds = rewinds + 1
        if passes_data:
            state.batch = batch
        self.journal.forget(state.step)
        left_out = f"without batches {saved.scalars['batch']} to {batch - 1}" if passes_data else "with the same data"
        self.journal.warn(f"{why}: going back from step {step} to step {state.step}, {left_out}", step)

    def _save(self, state: TrainingState) -> None:
        self.journal.flush()
        kept = {**scalars(state), "stream": self.batches.position(state.batch)}
        self.saver.save(state.step, tensors(state), kept, regions(state))

    def _is_due(self, step: int, every: int) -> bool:
        return step == self.config.steps or (every > 0 and step % every == 0)


def advance(
    state: TrainingState, batch: Batch, objective: Objective, config: PretrainConfig, is_verified: bool = False
) -> StepReport:
    """Take one optimiser step on a batch and report it; a batch that makes trouble moves nothing and is skipped.

    When it `is_verified`, the gradient of the first piece is computed twice.
    """
    began, total, count, loads = time.monotonic(), 0.0, 0, []
    notes, means = list[str](), dict[str, tuple[float, int]]()
    is_balanced = config.model.experts > 0 and config.model.balance == "bias"
    placement = state.placement
    count_of_pieces = rows_at_once(len(batch.tokens), config.accumulate, placement.readers, placement.stages)
    for number, part in enumerate(placement.at_once(pieces(batch, count_of_pieces, state.device))):
        loss = placement.learn(state.decoder, objective, part)
        notes += loss.notes
        if is_verified and number == 0:

            def again(part: Sequence[TensorBatch] = part) -> None:
                nonlocal loss  # what was computed last is what the gradients are of
                state.decoder.zero_grad(set_to_none=True)
                loss = placement.learn(state.decoder, objective, part)

            gradients = partial(placement.gradients, state.decoder)
            checked = check_twice(again, gradients, state.device.type == "cpu", placement.ranks)
            notes += filter(None, [*loss.notes, checked])
        total, count = total + loss.total.item(), count + loss.count
        means = _with(means, loss)
        if is_balanced:
            loads.append(placement.load(state.decoder))
    total, count = _of_all(total, count, placement)
    placement.complete(state.decoder)
    norm = scale_and_clip(placement.gradients(state.decoder), max(count, 1), config.gradient_clip, placement.norm)
    rising = config.warmup_steps, config.decay_fraction, config.schedule
    rate = config.learning_rate * rate_at(state.step, config.steps, *rising)
    mean = total / max(count, 1)
    trouble = trouble_with(mean, norm, state, config.warmup_steps, config.spike_factor)
    if not trouble:
        move(state.optimizers, rate, momentum_at(state.step))
        learn_usual(state, norm, mean)
        follow(state, config.average_decay)
        if is_balanced:
            _balance(state, sum(loads[1:], loads[0]))
    state.decoder.zero_grad(set_to_none=True)
    state.step, state.batch = state.step + 1, state.batch + 1
    state.tokens += batch.tokens.size * placement.readers
    state.seconds += time.monotonic() - began
    state.skipped_in_row = state.skipped_in_row + 1 if trouble else 0
    state.bits = bits_of(placement.parameters(state.decoder))
    found = {name: sum_ / max(of, 1) for name, (sum_, of) in means.items()}
    return StepReport(state.step, state.tokens, mean, norm, rate, trouble, tuple(dict.fromkeys(notes)), found)


def _with(means: dict[str, tuple[float, int]], loss: Loss) -> dict[str, tuple[float, int]]:
    """Add the sums of a piece, and what they are over, to those of the pieces before."""
    summed = dict(means)
    for name, (some, of) in loss.means.items():
        before, over = summed.get(name, (0.0, 0))
        summed[name] = before + some, over + of
    return summed


def _of_all(total: float, count: int, placement: Placement) -> tuple[float, int]:
    """Return the loss and the number of targets of the whole batch."""
    summed = placement.ranks.sums([total, float(count)] if placement.is_counted else [0.0, 0.0])
    return summed[0], round(summed[1])


def _balance(state: TrainingState, tokens_LE: Tensor) -> None:
    """Move the biases of routers by how many tokens of the whole batch each expert read."""
    placement, model = state.placement, state.decoder.config
    told = tokens_LE.flatten().tolist() if placement.is_counted else [0.0] * tokens_LE.numel()
    summed_LE = torch.tensor(placement.ranks.sums(told)).view(tokens_LE.shape)
    update_balance(state.decoder, placement.load_here(summed_LE), model.balance_step)


def _changed(state: TrainingState) -> str | None:
    """Say on which ranks weights are not what they were after the last step; None when on no rank."""
    ranks = state.placement.ranks
    is_changed = state.bits is not None and state.bits != bits_of(state.placement.parameters(state.decoder))
    if not ranks.any(is_changed):
        return None
    named = [str(rank) for rank, one in enumerate(ranks.all(is_changed)) if one]
    return f" on rank {', '.join(named)}" if ranks.size > 1 else ""


def _listed(documents: list[str]) -> str:
    more = f" and {len(documents) - _DOCUMENTS_NAMED} more" if len(documents) > _DOCUMENTS_NAMED else ""
    return f"{', '.join(documents[:_DOCUMENTS_NAMED])}{more}"


def _stopped(state: TrainingState, config: PretrainConfig) -> KilledError:
    return KilledError(
        f"the training was asked to stop and is saved at step {state.step} of {config.steps}",
        fix="run the same command again: it goes on from there",
    )


def _fallen_apart(state: TrainingState, config: PretrainConfig) -> StepError:
    rate = config.learning_rate
    in_fp32 = "" if state.precision == "fp32" else f", or in fp32 (it is {state.precision})"
    return StepError(
        f"the training has fallen apart: {state.skipped_in_row} steps in a row gave no usable loss or gradient",
        where=f"step {state.step} of {config.steps}",
        why="the weights can no longer be trusted; the last checkpoint is kept",
        fix=f"train with a lower learning rate, such as {rate / 10:.2g} (it is {rate:g}){in_fp32}",
    )


def _changed_in_memory(state: TrainingState) -> StepError:
    return StepError(
        "weights changed in memory between two steps",
        where=f"step {state.step}",
        why="a processor or its memory is faulty, and there is no checkpoint to go back to, or it happened again",
        fix="run the same command on another machine; have this one checked",
    )
