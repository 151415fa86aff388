"""A training step that only says what a training would come to, so that a search can be tried in seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ingot.core.errors import StepError
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.plan.prediction import FIGURE
from ingot.train.config import PretrainConfig
from ingot.train.search import FELL_APART

BEST_RATE, UNLUCKY_RATE = 4e-3, 0.0123


@dataclass(frozen=True)
class NothingConfig:
    """Nothing to set."""


def corpus(config: NothingConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Stand for what a training reads."""
    return {"steps": 100}


def bowl(config: PretrainConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Return a figure that is best at one rate, falls with the steps, and does not exist for a rate far too high."""
    if config.learning_rate > 0.5:
        raise StepError(f"{FELL_APART}: 5 steps in a row gave no usable loss or gradient")
    if config.learning_rate == UNLUCKY_RATE:
        raise StepError("the disk is on fire")
    off = math.log2(config.learning_rate / BEST_RATE)
    return {"steps": config.steps, FIGURE: 2.0 + 0.05 * off**2 + 10 / config.steps}
