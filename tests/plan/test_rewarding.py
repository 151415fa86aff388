from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.model.config import ModelConfig
from ingot.plan.rewarding import ANSWERS, RewardConfig, answer_room, plan_facts

MODEL = ModelConfig(8192, width=256, layers=6, heads=4, kv_heads=2, head_width=64, ffn_width=704, context=512)
# Ten prompts in a row.
CONFIG = RewardConfig(MODEL, 2000, 200 * 384, 384, longest_prompt_tokens=40, longest_answer_tokens=12)


def test_a_step_has_sixteen_prompts_and_many_are_read_once() -> None:
    facts = plan_facts(CONFIG)
    assert facts["batch_size"] == 2
    assert (facts["epochs"], facts["steps"]) == (1, 100)
    assert plan_facts(replace(CONFIG, train_examples=20_000, train_tokens=2000 * 384))["steps"] == 1000


@pytest.mark.parametrize(("prompts", "rows"), [(1, 1), (12, 2), (100, 10)])
def test_few_prompts_are_asked_until_a_hundred_steps_are_made(prompts: int, rows: int) -> None:
    facts = plan_facts(replace(CONFIG, train_examples=prompts, train_tokens=rows * 384))
    assert 100 <= facts["steps"] <= 105
    assert facts["batch_size"] <= rows


def test_what_was_chosen_stands_and_reaches_the_objective() -> None:
    chosen = replace(CONFIG, epochs=3, prompts_per_step=40, answers=4, answer_tokens=9, options={"seed": 5})
    facts = plan_facts(chosen)
    assert (facts["batch_size"], facts["steps"]) == (4, 150)
    assert facts["objective_options"] == {"seed": 5, "answers": 4, "answer_tokens": 9}
    assert plan_facts(CONFIG)["objective_options"] == {"answers": ANSWERS, "answer_tokens": 24}


@pytest.mark.parametrize(
    ("prompt", "expected", "tokens"), [(10, 2, 16), (10, 40, 80), (500, 40, 12), (10, 0, 128), (500, 0, 12)]
)
def test_an_answer_has_twice_the_room_of_the_expected_one_as_far_as_the_model_reads(
    prompt: int, expected: int, tokens: int
) -> None:
    assert answer_room(prompt, expected, 512) == tokens


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="600 tokens"):
        answer_room(600, 4, 512)
    with pytest.raises(UsageError, match="cannot be made"):
        replace(CONFIG, answers=-1)
