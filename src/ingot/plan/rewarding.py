"""The plan for teaching a model by rewards: how many prompts in a step, how many answers to each, how long, which rate.

Arithmetic only, from the shards of the prompts. What is not said is chosen so: 16 prompts in a step with eight answers
each, and fewer prompts where that would leave no four steps in a reading; all prompts once, and few of them so often
that a hundred steps are made, for the answers are others every time. An answer may have twice the tokens of the longest
expected one, so that a wrong one need not be cut. The rate is about that of the benchmark `align_grpo`, where two-digit
addition is learned: a little above what fine-tuning takes, because most of a step's gradient is noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig
from ingot.plan.fine_tuning import RATE_SHARE as FINE_TUNING_SHARE
from ingot.plan.schedule import RATE
from ingot.plan.tuning import check_chosen, tell, told_often, told_rate, training_facts

RATE_SHARE = 1.5  # of what fine-tuning takes
_PROMPTS_IN_A_STEP, _STEPS_IN_A_READING, _FEWEST_STEPS, _MOST_READINGS = 16, 4, 100, 100
ANSWERS = 8
_FEWEST_TOKENS, _UNKNOWN_TOKENS, _TIMES_EXPECTED = 16, 128, 2


@dataclass(frozen=True)
class RewardConfig:
    """What there is to learn from, and what was chosen; 0: choose for me. `options` are others of the objective.

    `row_tokens` is how long the shards' rows are, `longest_answer_tokens` how long the longest expected answer is.
    """

    model: ModelConfig
    train_examples: int
    train_tokens: int
    row_tokens: int
    longest_prompt_tokens: int
    longest_answer_tokens: int
    epochs: int = 0
    prompts_per_step: int = 0
    answers: int = 0
    answer_tokens: int = 0
    rate_factor: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chosen = {"epochs": self.epochs, "prompts_per_step": self.prompts_per_step}
        more = {"answers": self.answers, "answer_tokens": self.answer_tokens}
        check_chosen("reward plan", self.rate_factor, **chosen, **more)


def plan(config: RewardConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Choose steps, rows, answers and rate; a pure function of the config."""
    return tell(plan_facts(config), context)


def plan_facts(config: RewardConfig) -> dict[str, Any]:
    """Return what the training takes from the plan, as JSON literals. Raises InputError where no answer has room."""
    prompts, all_rows = config.train_examples, max(1, config.train_tokens // config.row_tokens)
    wanted = config.prompts_per_step or min(_PROMPTS_IN_A_STEP, max(1, prompts // _STEPS_IN_A_READING))
    # A row is answered whole.
    rows = min(all_rows, max(1, round(wanted * all_rows / prompts)))
    epochs = config.epochs or min(_MOST_READINGS, max(1, math.ceil(_FEWEST_STEPS * rows / all_rows)))
    steps = max(1, math.ceil(epochs * all_rows / rows))
    answers = config.answers or ANSWERS
    tokens = config.answer_tokens or answer_room(
        config.longest_prompt_tokens, config.longest_answer_tokens, config.model.context
    )
    rate = RATE * FINE_TUNING_SHARE * RATE_SHARE * config.rate_factor
    told = f"{steps:,} steps of {rows * prompts / all_rows:.3g} prompts in the mean"
    return {
        **training_facts(config.model, steps, rows, config.row_tokens, rate),
        "epochs": epochs,
        "answers": answers,
        "answer_tokens": tokens,
        "objective_options": {**config.options, "answers": answers, "answer_tokens": tokens},
        "sentences": [
            f"It answers {prompts:,} prompts {told_often(epochs)}: {told}, each answered {answers} times "
            f"in at most {tokens} tokens.",
            told_rate(rate),
        ],
    }


def answer_room(longest_prompt: int, longest_expected: int, context: int) -> int:
    """Return how many tokens an answer may have. Raises InputError where the longest prompt leaves it none."""
    room = context - longest_prompt
    if room < 1:
        raise InputError(
            f"a prompt has {longest_prompt:,} tokens, and the model reads {context:,} at once",
            where="file of prompts",
            why="there is no room for an answer",
            fix="make the prompts anew with a smaller `row_tokens`, which leaves it out, or take a longer model",
        )
    wanted = max(_FEWEST_TOKENS, _TIMES_EXPECTED * longest_expected) if longest_expected else _UNKNOWN_TOKENS
    return min(room, wanted)
