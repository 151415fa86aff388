"""The plan for teaching a model to answer: how often the examples are read, in which steps, at which rate.

Arithmetic only. A step reads whole examples as far as rows can hold them: a row is as long as the longest example, or
as the model reads, and shorter ones share it. What is not said is chosen as OpenAI's guide to preparing chat data does
it: three readings, more of few examples (a hundred in all) and fewer of many (25,000), and 0.2% of them in a step. The
rate stays a tenth of what a training from nothing takes, for the model is not to forget how to write.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig
from ingot.plan.schedule import RATE
from ingot.plan.tuning import check_chosen, tell, told_often, told_rate, training_facts

RATE_SHARE = 0.1
_READINGS, _FEWEST_EXAMPLES, _MOST_EXAMPLES, _MOST_READINGS = 3, 100, 25_000, 25
_SHARE_OF_A_STEP, _LARGEST_STEP = 0.002, 256
_ROW_MULTIPLE, _LONGEST_ROW = 32, 4096
_SHORTEST_ROW = 16


@dataclass(frozen=True)
class FineTuneConfig:
    """What there is to learn from, and what was chosen; 0 `epochs` or examples in a step mean: choose for me.

    `rate_factor` multiplies the learning rate.
    """

    model: ModelConfig
    train_documents: int
    train_tokens: int
    longest_tokens: int
    epochs: int = 0
    batch_size: int = 0
    rate_factor: float = 1.0

    def __post_init__(self) -> None:
        check_chosen("fine-tuning plan", self.rate_factor, epochs=self.epochs, batch_size=self.batch_size)


def plan(config: FineTuneConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Choose steps, rows and rate; a pure function of the config."""
    return tell(plan_facts(config), context)


def plan_facts(config: FineTuneConfig) -> dict[str, Any]:
    """Return what the training takes from the plan, as JSON literals. Raises InputError for next to no examples."""
    epochs = config.epochs or _readings(config.train_documents)
    examples = config.batch_size or _examples_a_step(config.train_documents)
    length = _row(config)
    rows = max(1, round(examples * config.train_tokens / config.train_documents / length))
    steps = max(1, math.ceil(epochs * config.train_tokens / (rows * length)))
    rate = RATE * RATE_SHARE * config.rate_factor
    return {
        **training_facts(config.model, steps, rows, length, rate),
        "epochs": epochs,
        "examples_per_step": examples,
        "sentences": _sentences(config, epochs, steps, rows * length, rate),
    }


def _readings(documents: int) -> int:
    if documents * _READINGS < _FEWEST_EXAMPLES:
        return min(_MOST_READINGS, max(1, _FEWEST_EXAMPLES // documents))
    if documents * _READINGS > _MOST_EXAMPLES:
        return max(1, _MOST_EXAMPLES // documents)
    return _READINGS


def _examples_a_step(documents: int) -> int:
    return min(_LARGEST_STEP, max(1, round(documents * _SHARE_OF_A_STEP)))


def _row(config: FineTuneConfig) -> int:
    """Return how many tokens a row has: the longest example fits, as far as model and examples together allow."""
    rounded = math.ceil(config.longest_tokens / _ROW_MULTIPLE) * _ROW_MULTIPLE
    # Its last token has another after it, which must be there.
    length = min(rounded, config.model.context, _LONGEST_ROW, config.train_tokens - 1)
    if length < _SHORTEST_ROW:
        raise InputError(
            f"the examples have {config.train_tokens} tokens together, which is too little to learn from",
            where="training file",
            fix="add more examples",
        )
    return length


def _sentences(config: FineTuneConfig, epochs: int, steps: int, tokens: int, rate: float) -> list[str]:
    told = [
        f"It reads {config.train_documents:,} examples ({config.train_tokens:,} tokens) {told_often(epochs)}: "
        f"{steps:,} steps of {tokens:,} tokens.",
        told_rate(rate),
    ]
    if config.longest_tokens > config.model.context:
        told.append(
            f"The longest example has {config.longest_tokens:,} tokens and the model reads {config.model.context:,}: "
            "what is longer is read in pieces, and of a piece that begins in the midst of an answer that rest "
            "is not learned."
        )
    return told
