from __future__ import annotations

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.core.hardware import Machine
from ingot.model.presets import preset
from ingot.plan.config import PlanConfig
from ingot.plan.estimate import estimate, place_at, place_of
from ingot.plan.here import guessed
from ingot.plan.machines import read_machines
from ingot.plan.parallel import ParallelPlan

SEVEN = preset("mistral-7b-v0.3").model
EIGHT = place_of(read_machines("8xh100"), "bf16", SEVEN)
HERE = place_at(guessed(Machine(4, 16 << 30, True, None, "some processor", "Linux x86_64")))


def test_figures_that_were_never_measured_say_so() -> None:
    facts = estimate(PlanConfig(tokens=10**9), EIGHT, SEVEN)
    assert facts["figures"] == "published figures, never measured here"
    assert any("never measured here" in sentence for sentence in facts["sentences"])
    low, high = facts["expected_seconds_band"]
    assert high / low > 2


def test_tokens_of_a_named_model_become_steps_time_energy_and_money() -> None:
    facts = estimate(PlanConfig(tokens=10**10, price_per_hour=20.0), EIGHT, SEVEN)
    assert facts["parameters"] == SEVEN.parameters
    assert 0.99e10 < facts["tokens"] <= 1e10
    assert facts["parallel"] == {**facts["parallel"], "data": 2, "shard": 4}
    # 6 x 7.2e9 x 1e10 operations at 40% of 8 x 989e12 a second.
    assert facts["expected_seconds"] == pytest.approx(1.39e5, rel=0.15)
    assert facts["expected_money"] == pytest.approx(facts["expected_seconds"] / 3600 * 20, rel=0.01)
    assert facts["expected_joules"] == pytest.approx(facts["expected_seconds"] * facts["watts"], rel=0.01)


@pytest.mark.parametrize(
    "budget",
    [
        PlanConfig(seconds=36_000.0),
        PlanConfig(joules=5e8),
        PlanConfig(money=500.0, price_per_hour=25.0),
        PlanConfig(tokens=10**10),
    ],
)
@pytest.mark.parametrize("model", [None, SEVEN])
def test_every_kind_of_budget_is_kept(budget: PlanConfig, model: object) -> None:
    facts = estimate(budget, EIGHT, SEVEN if model else None)
    assert facts["steps"] >= 1
    if budget.seconds:
        assert facts["expected_seconds"] <= budget.seconds
    if budget.joules:
        assert facts["expected_joules"] <= budget.joules * 1.001
    if budget.money:
        assert facts["expected_money"] <= budget.money


def test_more_money_makes_a_better_model() -> None:
    small, large = (
        estimate(PlanConfig(money=money, price_per_hour=25.0), EIGHT)["forecast_bits_per_byte"] for money in (10, 1000)
    )
    assert large < small


def test_the_machine_at_hand_is_planned_for_like_any_other() -> None:
    facts = estimate(PlanConfig(seconds=3600.0), HERE)
    assert "estimated from this machine's cores" in facts["figures"]
    assert facts["memory_bytes"] < 16 << 30


def test_what_does_not_fit_or_divide_is_refused() -> None:
    with pytest.raises(InputError, match="does not fit"):
        estimate(PlanConfig(tokens=10**9), place_of(read_machines("rtx4090"), "bf16"), SEVEN)
    with pytest.raises(UsageError, match="cannot be divided"):
        estimate(PlanConfig(tokens=10**9), EIGHT, preset("qwen3-0.6b").model, ParallelPlan(tensor=16))


def test_a_budget_that_pays_for_no_step_names_the_least_that_does() -> None:
    with pytest.raises(UsageError, match="pays for no step") as caught:
        estimate(PlanConfig(seconds=0.001), EIGHT, SEVEN)
    tokens = int(caught.value.fix.rsplit("--tokens ", 1)[1])
    assert estimate(PlanConfig(tokens=tokens), EIGHT, SEVEN)["steps"] == 1
    with pytest.raises(UsageError, match="steps alone"):
        estimate(PlanConfig(steps=5), EIGHT, SEVEN)
