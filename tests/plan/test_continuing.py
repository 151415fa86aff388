from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.model.config import ModelConfig
from ingot.plan.continuing import ContinueConfig, plan, plan_facts
from ingot.plan.here import Here
from ingot.plan.paying import Power
from ingot.plan.schedule import FEWEST_STEPS
from ingot.plan.throughput import Measurement, Throughput
from tests.plan.test_run import context, probe

MODEL = ModelConfig(8192, width=256, layers=6, heads=4, kv_heads=2, head_width=64, ffn_width=704, context=1024)
MEASURED = Throughput((Measurement(MODEL.flops_per_token(512), 5_000.0),), is_measured=True)
HERE = Here(MEASURED, 2, Power(None, "unknown"), memory_bytes=16 << 30)
CONFIG = ContinueConfig(MODEL, train_tokens=3_000_000, replay=0.25)


def told(**changes: Any) -> dict[str, Any]:
    return plan_facts(replace(CONFIG, **changes), HERE)


def test_without_a_budget_the_new_text_is_read_once_beside_the_old() -> None:
    facts = told()
    assert facts["readings"] == pytest.approx(1.0, abs=0.02)
    assert facts["tokens"] == pytest.approx(4_000_000, rel=0.02)
    assert facts["steps"] * facts["batch_size"] * facts["sequence_length"] == facts["tokens"]
    assert facts["model"] == told(readings=2.0)["model"]
    assert told(readings=2.0)["tokens"] == pytest.approx(8_000_000, rel=0.02)


def test_seconds_and_steps_are_kept() -> None:
    assert told(seconds=100.0)["training_seconds"] == pytest.approx(92, rel=0.02)
    facts = told(steps=77)
    assert facts["steps"] == 77
    assert facts["readings"] < 1


def test_the_rate_is_half_of_the_usual_or_the_one_asked_for() -> None:
    assert told()["learning_rate"] == pytest.approx(2e-3)
    assert told(learning_rate=3e-4)["learning_rate"] == 3e-4


def test_rows_are_never_longer_than_the_model_reads() -> None:
    short = replace(MODEL, context=128)
    assert told(model=short)["sequence_length"] == 128
    longer = told(model=short, sequence_length=512)
    assert longer["sequence_length"] == longer["model"]["context"] == 512


def test_a_little_text_still_makes_steps() -> None:
    assert told(train_tokens=300)["steps"] == FEWEST_STEPS


def test_a_batch_that_does_not_fit_is_read_in_pieces() -> None:
    facts = plan_facts(CONFIG, replace(HERE, memory_bytes=900_000_000))
    assert facts["accumulate"] > 1 or facts["recompute"]
    assert facts["batch_size"] == told()["batch_size"]
    with pytest.raises(InputError, match="does not fit"):
        plan_facts(CONFIG, replace(HERE, memory_bytes=100_000_000))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="one budget"):
        told(steps=5, readings=1.0)
    with pytest.raises(UsageError, match="no new text"):
        told(replay=1.0)


def test_the_step_says_why_and_writes_it_down(tmp_path: Path) -> None:
    said: list[dict[str, Any]] = []
    facts = plan(CONFIG, {"probe": probe(tmp_path)}, context(tmp_path, said))
    assert json.loads((tmp_path / "plan.json").read_text())["steps"] == facts["steps"]
    words = " ".join(event["text"] for event in said)
    assert "the new text once" in words
    assert "25% of what it reads is old text" in words
    assert "expect it to forget" in " ".join(told(replay=0.0)["sentences"])
