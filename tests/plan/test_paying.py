from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.core.allowance import Prices
from ingot.core.errors import InputError
from ingot.plan.config import PlanConfig
from ingot.plan.paying import Power, costs, in_seconds, power_of, smallest_option

TWENTY = Power(20.0, "measured")
BLIND = Power(None, "not measured")


@pytest.mark.parametrize(
    ("budget", "seconds"),
    [
        (PlanConfig(seconds=50.0), 50.0),
        (PlanConfig(joules=2000.0), 100.0),
        (PlanConfig(money=2.0, price_per_hour=4.0), 1800.0),
        (PlanConfig(money=1.0, price_per_kwh=0.5), 360_000.0),
        (PlanConfig(money=1.0, price_per_hour=0.01, price_per_kwh=0.5), 180_000.0),
    ],
)
def test_energy_and_money_are_time_by_another_name(budget: PlanConfig, seconds: float) -> None:
    assert in_seconds(budget, TWENTY).seconds == pytest.approx(seconds)


@pytest.mark.parametrize("budget", [PlanConfig(joules=5.0), PlanConfig(money=5.0, price_per_kwh=0.3)])
def test_energy_that_is_not_measured_cannot_be_a_budget(budget: PlanConfig) -> None:
    with pytest.raises(InputError, match="not measured"):
        in_seconds(budget, BLIND)
    assert in_seconds(PlanConfig(money=4.0, price_per_hour=4.0), BLIND).seconds == 3600


@pytest.mark.parametrize(
    "budget",
    [PlanConfig(joules=1.0), PlanConfig(money=0.001, price_per_kwh=0.3, price_per_hour=1.0), PlanConfig(seconds=1)],
)
def test_the_smallest_budget_is_named_in_the_kind_that_was_given(budget: PlanConfig) -> None:
    option, amount = smallest_option(budget, 90.0, TWENTY).split()
    if option == "--energy":
        enough = replace(budget, joules=float(amount.removesuffix("Wh")) * 3600)
    elif option == "--money":
        enough = replace(budget, money=float(amount))
    else:
        enough = replace(budget, seconds=float(amount.removesuffix("s")))
    assert 90 <= in_seconds(enough, TWENTY).seconds < 110


def test_watts_are_the_probes_or_estimated_and_never_zero() -> None:
    sizes = [{"watts": 10.0, "energy_method": "measured"}, {"watts": 14.0, "energy_method": "measured"}]
    assert power_of({"sizes": sizes}, 2) == Power(12.0, "measured")
    assert power_of(None, 2).method == "estimated"
    assert power_of({"sizes": [{"tokens_per_second": 5.0}]}, 2) == power_of(None, 2)  # an older probe
    assert power_of({"sizes": [{"watts": None, "energy_method": "not measured"}]}, 2) == BLIND


def test_costs_have_their_bands_and_unknown_ones_are_none() -> None:
    found = costs(3600.0, 2.0, TWENTY, Prices(per_hour=3.0))
    assert found["expected_seconds_band"] == [1800.0, 7200.0]
    assert found["expected_joules"] == 72_000
    assert found["expected_money"] == 3.0
    assert found["expected_money_band"] == [1.5, 6.0]
    blind = costs(3600.0, 2.0, BLIND, Prices(per_kwh=3.0))
    assert blind["expected_joules"] is None
    assert blind["expected_money"] is None
