from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.plan.config import PlanConfig
from ingot.plan.schedule import context, schedule, tokens_of_steps

FREE = PlanConfig()


@pytest.mark.parametrize("tokens", [30_000, 1_000_000, 50_000_000, 10**10])
def test_the_tokens_are_used_but_never_exceeded(tokens: int) -> None:
    planned = schedule(tokens, FREE)
    assert planned.tokens <= tokens
    assert planned.tokens > 0.9 * tokens


def test_longer_trainings_take_larger_batches_and_longer_sequences() -> None:
    plans = [schedule(tokens, FREE) for tokens in (10**5, 10**7, 10**9, 10**12)]
    batches = [plan.batch_size * plan.sequence_length for plan in plans]
    assert batches == sorted(set(batches))
    lengths = [plan.sequence_length for plan in plans]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize(("tokens", "rows", "length"), [(100_000, 8, 128), (400_000, 16, 128), (1_100_000, 16, 256)])
def test_short_trainings_read_short_rows(tokens: int, rows: int, length: int) -> None:
    planned = schedule(tokens, FREE)
    assert (planned.batch_size, planned.sequence_length) == (rows, length)


def test_a_model_is_meant_for_more_than_the_short_rows_it_learns_from() -> None:
    assert [context(tokens, FREE) for tokens in (1e5, 1e6, 1e7, 1e8)] == [512, 512, 512, 1024]
    assert context(1e5, replace(FREE, sequence_length=64)) == 64


def test_one_rate_for_all_widths_says_which_width_it_is_of() -> None:
    planned = schedule(1e6, FREE)
    assert (planned.learning_rate, planned.base_width) == (4e-3, 256)


def test_the_warm_up_ends_before_training_does() -> None:
    for steps in (1, 4, 50, 500, 10**6):
        planned = schedule(0, replace(FREE, steps=steps))
        assert planned.steps == steps
        assert planned.warmup_steps <= steps / 5


def test_saving_and_looking_happen_at_least_every_step_of_a_tiny_training() -> None:
    planned = schedule(0, replace(FREE, steps=3))
    assert planned.checkpoint_every == planned.evaluate_every == 1


@pytest.mark.parametrize("steps", [1, 50, 500, 5_000, 500_000])
def test_the_tokens_of_a_number_of_steps_give_that_number_back(steps: int) -> None:
    config = replace(FREE, steps=steps)
    planned = schedule(tokens_of_steps(config), config)
    assert planned.steps == steps
    assert planned.tokens == pytest.approx(tokens_of_steps(config), rel=1.0)
