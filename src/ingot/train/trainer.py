"""The training loop, whatever is learned.

A step reads its batch, asks the objective for a loss, and moves the weights; then whoever looks, looks, the journal
writes it down, and from time to time the state is saved. Everything a step depends on is in the state and the step's
number, so a killed run goes on from its last checkpoint with the same bits.

    batch -> pieces -> loss, backward -> scale and clip -> rate -> optimisers -> hooks -> journal -> checkpoint
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ingot.core.errors import StepError
from ingot.data.stream import Batch
from ingot.model.decoder import Decoder
from ingot.train.checkpoint import Checkpoints
from ingot.train.config import PretrainConfig
from ingot.train.journal import Journal, StepReport
from ingot.train.objective import Batches, Objective, pieces
from ingot.train.optim import move, scale_and_clip
from ingot.train.schedule import momentum_at, rate_at
from ingot.train.state import TrainingState, scalars, tensors

# One bad batch is bad luck; this many in a row are a training that has fallen apart.
SKIPS_ALLOWED = 4


@dataclass(frozen=True, eq=False)
class Trainer:
    """A training's settings and collaborators. `look` returns the hooks' metrics for (decoder, steps done)."""

    config: PretrainConfig
    objective: Objective
    batches: Batches
    look: Callable[[Decoder, int], dict[str, float]]
    journal: Journal
    checkpoints: Checkpoints

    def run(self, state: TrainingState) -> None:
        """Bring the state to the last step. Raises StepError when the loss stays not a number."""
        while state.step < self.config.steps:
            report = advance(state, self.batches.batch(state.step), self.objective, self.config)
            if self._is_due(state.step, self.config.evaluate_every):
                report = replace(report, metrics=self.look(state.decoder, state.step))
            self.journal.record(report)
            if state.skipped_in_row > SKIPS_ALLOWED:
                raise _fallen_apart(state, self.config)
            if self._is_due(state.step, self.config.checkpoint_every):
                self.journal.flush()
                kept = {**scalars(state), "stream": self.batches.position(state.step)}
                self.checkpoints.save(state.step, tensors(state), kept)

    def _is_due(self, step: int, every: int) -> bool:
        return step == self.config.steps or (every > 0 and step % every == 0)


def advance(state: TrainingState, batch: Batch, objective: Objective, config: PretrainConfig) -> StepReport:
    """Take one optimiser step on a batch and report it; a batch that gives no number moves nothing and is skipped."""
    began, total, count = time.monotonic(), 0.0, 0
    for piece in pieces(batch, config.accumulate, state.device):
        loss = objective(state.decoder, piece)
        loss.total.backward()  # type: ignore[no-untyped-call]  # torch publishes it without types
        total, count = total + loss.total.detach().item(), count + loss.count
    norm = scale_and_clip(state.decoder.parameters(), max(count, 1), config.gradient_clip)
    rate = config.learning_rate * rate_at(state.step, config.steps, config.warmup_steps, config.decay_fraction)
    is_sound = math.isfinite(total) and math.isfinite(norm)
    if is_sound:
        move(state.optimizers, rate, momentum_at(state.step))
    state.decoder.zero_grad(set_to_none=True)
    state.step, state.tokens = state.step + 1, state.tokens + batch.tokens.size
    state.seconds += time.monotonic() - began
    state.skipped_in_row = 0 if is_sound else state.skipped_in_row + 1
    return StepReport(state.step, state.tokens, total / max(count, 1), norm, rate, is_skipped=not is_sound)


def _fallen_apart(state: TrainingState, config: PretrainConfig) -> StepError:
    return StepError(
        f"the loss was not a number for {state.skipped_in_row} steps in a row",
        where=f"step {state.step} of {config.steps}",
        why="the weights can no longer be trusted; the last checkpoint is kept",
        fix=f"train with a lower learning rate (it is {config.learning_rate:g}) or in fp32 (it is {state.precision})",
    )
