"""The plan for teaching a model which answers are better: how often pairs are read, how many in a step, at which rate.

Arithmetic only, from the shards of the pairs: their rows hold whole pairs and are read as they are. What is not said is
chosen so: all pairs once, and few of them so often that a hundred are read; up to 64 pairs in a step, as in the paper
on direct preference optimisation (Rafailov et al., 2023, appendix B), and fewer where that would leave no twenty steps
in a reading. The rate is a tenth of what fine-tuning takes: the model is to prefer other answers, not to learn to write
anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig
from ingot.plan.fine_tuning import RATE_SHARE as FINE_TUNING_SHARE
from ingot.plan.schedule import RATE
from ingot.plan.tuning import check_chosen, tell, told_often, told_rate, training_facts

RATE_SHARE = 0.1  # of what fine-tuning takes
_FEWEST_READ, _MOST_READINGS = 100, 25
_LARGEST_STEP, _STEPS_IN_A_READING = 64, 20


@dataclass(frozen=True)
class PreferConfig:
    """What there is to learn from, and what was chosen; 0 `epochs` or pairs in a step mean: choose for me.

    `rate_factor` multiplies the learning rate. `row_tokens` is how long the shards' rows are.
    """

    model: ModelConfig
    train_examples: int
    train_tokens: int
    row_tokens: int
    epochs: int = 0
    pairs_per_step: int = 0
    rate_factor: float = 1.0

    def __post_init__(self) -> None:
        check_chosen("preference plan", self.rate_factor, epochs=self.epochs, pairs_per_step=self.pairs_per_step)


def plan(config: PreferConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Choose steps, rows and rate; a pure function of the config."""
    return tell(plan_facts(config), context)


def plan_facts(config: PreferConfig) -> dict[str, Any]:
    """Return what the training takes from the plan, as JSON literals."""
    pairs, all_rows = config.train_examples, max(1, config.train_tokens // config.row_tokens)
    epochs = config.epochs or min(_MOST_READINGS, max(1, _FEWEST_READ // pairs))
    wanted = config.pairs_per_step or min(_LARGEST_STEP, max(1, pairs // _STEPS_IN_A_READING))
    rows = max(1, round(wanted * all_rows / pairs))
    steps = max(1, math.ceil(epochs * all_rows / rows))
    rate = RATE * FINE_TUNING_SHARE * RATE_SHARE * config.rate_factor
    told = f"{steps:,} steps of {rows * pairs / all_rows:.3g} pairs in the mean"
    return {
        **training_facts(config.model, steps, rows, config.row_tokens, rate),
        "epochs": epochs,
        "pairs_per_step": wanted,
        "sentences": [f"It reads {pairs:,} pairs of answers {told_often(epochs)}: {told}.", told_rate(rate)],
    }
