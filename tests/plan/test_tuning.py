from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.model.config import ModelConfig
from ingot.plan.tuning import check_chosen, tell, told_often, training_facts
from tests.train.small import Told, context

MODEL = ModelConfig(512, width=64, layers=1, heads=1, kv_heads=1, head_width=64, ffn_width=128)


@pytest.mark.parametrize(("rate", "epochs"), [(0.0, 1), (-1.0, 1), (1.0, -1)])
def test_what_no_plan_can_be_made_with_is_refused_with_what_to_give(rate: float, epochs: int) -> None:
    with pytest.raises(UsageError, match="cannot be made") as caught:
        check_chosen("some plan", rate, epochs=epochs, answers=0)
    assert "epochs and answers" in caught.value.fix
    check_chosen("some plan", 1.0, epochs=0, answers=0)


def test_the_rate_climbs_for_a_tenth_of_the_steps() -> None:
    facts = training_facts(MODEL, 57, 2, 128, 1e-3)
    assert (facts["warmup_steps"], facts["checkpoint_every"], facts["evaluate_every"]) == (5, 5, 5)
    assert training_facts(MODEL, 3, 2, 128, 1e-3)["checkpoint_every"] == 1


def test_a_plan_is_said_and_written(tmp_path: Path) -> None:
    told = Told()
    facts = {"steps": 3, "sentences": ["It reads.", "The rate climbs."]}
    assert tell(facts, context(tmp_path, told)) == facts
    assert [each["text"] for each in told.of("note")] == facts["sentences"]
    assert json.loads((tmp_path / "plan.json").read_text()) == facts
    assert (told_often(1), told_often(3)) == ("once", "3 times")
