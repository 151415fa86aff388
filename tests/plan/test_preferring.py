from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.core.errors import UsageError
from ingot.model.config import ModelConfig
from ingot.plan.preferring import RATE_SHARE, PreferConfig, plan_facts
from ingot.plan.schedule import RATE

MODEL = ModelConfig(8192, width=256, layers=6, heads=4, kv_heads=2, head_width=64, ffn_width=704, context=512)
CONFIG = PreferConfig(MODEL, train_examples=2000, train_tokens=500 * 512, row_tokens=512)


@pytest.mark.parametrize(("pairs", "epochs"), [(2, 25), (10, 10), (60, 1), (2000, 1), (100_000, 1)])
def test_few_pairs_are_read_often_and_many_once(pairs: int, epochs: int) -> None:
    assert plan_facts(replace(CONFIG, train_examples=pairs))["epochs"] == epochs


@pytest.mark.parametrize(("pairs", "in_a_step"), [(5, 1), (100, 5), (1280, 64), (100_000, 64)])
def test_a_step_holds_up_to_64_pairs_and_a_reading_twenty_steps(pairs: int, in_a_step: int) -> None:
    assert plan_facts(replace(CONFIG, train_examples=pairs))["pairs_per_step"] == in_a_step


def test_rows_are_read_as_long_as_they_were_made_and_as_often_as_was_chosen() -> None:
    facts = plan_facts(replace(CONFIG, epochs=3, pairs_per_step=40, rate_factor=2.0))
    assert facts["sequence_length"] == CONFIG.row_tokens
    assert facts["batch_size"] == 10  # rows that hold 40 pairs, four in each
    assert facts["steps"] == 3 * 500 // 10
    assert facts["learning_rate"] == pytest.approx(RATE * 0.1 * RATE_SHARE * 2)


def test_a_plan_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be made"):
        replace(CONFIG, epochs=-1)
