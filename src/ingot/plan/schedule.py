"""From a number of tokens to training steps: sequence length, batch, learning rate, and how often to look and to save.

The batch that still uses every token well grows with the square root of the tokens seen (Zhang et al. 2024, "How does
critical batch size scale in pre-training?"): a short training wants many small steps. The learning rate is the one
measured at width 256; other widths are brought to it (train/width.py), so that it holds for all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ingot.plan.config import PlanConfig

FEWEST_STEPS = 50
# The width that the rate was measured at, and the rate.
BASE_WIDTH, RATE = 256, 4e-3
# (tokens from which on, sequence length). Of equally many tokens in a step, short rows teach more at first: they come
# from more documents, and their attention is cheaper. After 0.4 M tokens rows of 128 were 2% better than rows of 256,
# and those 3 to 4% better than rows of 512; after 1.1 M tokens 128 had fallen behind (docs/decisions/0003).
_LENGTHS = (
    (0, 128),
    (500_000, 256),
    (5_000_000, 512),
    (50_000_000, 1024),
    (1_000_000_000, 2048),
    (100_000_000_000, 4096),
)
# What a model is meant for at least. Rotary positions carry on a little beyond the rows it learned from: after rows of
# 256, pieces of 1,200 bytes were read as well at once as in two halves (docs/decisions/0003).
_SHORTEST_CONTEXT = 512
# After 0.4 M tokens, steps of 2,048 were 1% better than steps of 1,024 or 4,096.
_REFERENCE_TOKENS, _REFERENCE_BATCH = 500_000, 2048
_SMALLEST_BATCH, _LARGEST_BATCH = 512, 1 << 24


@dataclass(frozen=True)
class Schedule:
    """How the tokens are served: `learning_rate` at its peak, and after how many steps to save and to look.

    The rate is meant for `base_width`; the training brings other widths to it. A batch that does not fit memory is read
    in `accumulate` pieces, and if that is not enough layers `recompute` what they would have kept.
    """

    steps: int
    batch_size: int
    sequence_length: int
    learning_rate: float
    warmup_steps: int
    checkpoint_every: int
    evaluate_every: int
    base_width: int = BASE_WIDTH
    accumulate: int = 1
    recompute: bool = False

    @property
    def tokens(self) -> int:
        """Tokens trained on, repeats included."""
        return self.steps * self.batch_size * self.sequence_length


def sequence_length(tokens: float, config: PlanConfig) -> int:
    """Return how many tokens the model sees at once: longer as there is more to learn from."""
    return config.sequence_length or max(length for start, length in _LENGTHS if tokens >= start)


def context(tokens: float, config: PlanConfig) -> int:
    """Return the longest sequence the model is meant for, which may be longer than a row it learns from."""
    return config.sequence_length or max(sequence_length(tokens, config), _SHORTEST_CONTEXT)


def batch_size(tokens: float, config: PlanConfig) -> int:
    """Return sequences per step for a training of this many tokens."""
    if config.batch_size:
        return config.batch_size
    wanted = _REFERENCE_BATCH * math.sqrt(max(tokens, 1) / _REFERENCE_TOKENS)
    power_of_two: int = 1 << round(math.log2(min(max(wanted, _SMALLEST_BATCH), _LARGEST_BATCH)))
    return max(power_of_two // sequence_length(tokens, config), 1)


def tokens_of_steps(config: PlanConfig) -> float:
    """Return the tokens that `config.steps` steps will see: the batch depends on the tokens, so solve for both."""
    if config.batch_size and config.sequence_length:
        return config.steps * config.batch_size * config.sequence_length
    free = (config.steps * _REFERENCE_BATCH) ** 2 / _REFERENCE_TOKENS
    guess = max(free, config.steps * _SMALLEST_BATCH)
    return config.steps * batch_size(guess, config) * sequence_length(guess, config)


def schedule(tokens: float, config: PlanConfig) -> Schedule:
    """Return the schedule for at most this many tokens; with `config.steps` the number of steps is taken as given."""
    length, batch = sequence_length(tokens, config), batch_size(tokens, config)
    steps = config.steps or int(tokens // (length * batch))
    return Schedule(
        steps=steps,
        batch_size=batch,
        sequence_length=length,
        learning_rate=RATE,
        warmup_steps=min(max(steps // 50, 20), 2000, steps // 5),
        checkpoint_every=max(steps // 10, 1),
        evaluate_every=max(steps // 20, 1),
    )
