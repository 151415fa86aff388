from __future__ import annotations

import pytest

from ingot.core.config import literals, load
from ingot.core.errors import InputError, UsageError
from ingot.plan.config import PlanConfig, check


def test_a_plan_config_survives_being_written_as_literals() -> None:
    config = PlanConfig(train_bytes=5, tokens=7, layout="mistral")
    assert load(PlanConfig, literals(config), "here") == config


@pytest.mark.parametrize("budget", [{"seconds": -1.0}, {"steps": -5}, {"tokens": -1}])
def test_a_negative_budget_is_refused(budget: dict[str, float]) -> None:
    with pytest.raises(InputError, match="negative"):
        check(PlanConfig(**budget))  # type: ignore[arg-type]


def test_a_width_heads_cannot_fill_is_refused() -> None:
    with pytest.raises(UsageError, match="width of 100"):
        check(PlanConfig(steps=1, width=100))
