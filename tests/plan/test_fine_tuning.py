from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.model.config import ModelConfig
from ingot.plan.fine_tuning import RATE_SHARE, FineTuneConfig, plan_facts
from ingot.plan.schedule import RATE

MODEL = ModelConfig(8192, width=256, layers=6, heads=4, kv_heads=2, head_width=64, ffn_width=704, context=512)
CONFIG = FineTuneConfig(MODEL, train_documents=1000, train_tokens=100_000, longest_tokens=300)


@pytest.mark.parametrize(("documents", "epochs"), [(10, 10), (2, 25), (33, 3), (1000, 3), (20_000, 1), (100_000, 1)])
def test_few_examples_are_read_often_and_many_once(documents: int, epochs: int) -> None:
    assert plan_facts(replace(CONFIG, train_documents=documents))["epochs"] == epochs


def test_what_was_chosen_is_kept() -> None:
    facts = plan_facts(replace(CONFIG, epochs=4, batch_size=32, rate_factor=2.0))
    assert facts["learning_rate"] == pytest.approx(RATE * RATE_SHARE * 2)
    assert facts["sequence_length"] == 320
    assert facts["batch_size"] == 10  # rows that hold 32 examples of 100 tokens
    read = facts["steps"] * facts["batch_size"] * facts["sequence_length"]
    assert read == pytest.approx(4 * CONFIG.train_tokens, rel=0.02)


def test_rows_are_no_longer_than_the_model_reads_or_than_there_are_tokens() -> None:
    facts = plan_facts(replace(CONFIG, longest_tokens=5000))
    assert facts["sequence_length"] == MODEL.context
    assert "in pieces" in facts["sentences"][-1]
    assert plan_facts(replace(CONFIG, train_tokens=100, train_documents=1))["sequence_length"] == 99
    with pytest.raises(InputError, match="too little"):
        plan_facts(replace(CONFIG, train_tokens=10, train_documents=1))


def test_a_plan_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be made"):
        replace(CONFIG, rate_factor=0.0)
