from __future__ import annotations

from typing import Any

import pytest

from ingot.cli.budgets import BUDGETS, read_allowance, read_budget, read_energy, read_prices
from ingot.core.allowance import Allowance, Prices
from ingot.core.errors import UsageError


def budget(**given: Any) -> dict[str, Any]:
    return read_budget({**{f"{name}_text": None for name in BUDGETS}, "prices": (), **given})


def test_without_a_budget_it_is_the_usual_time() -> None:
    assert budget()["seconds"] == 600


@pytest.mark.parametrize(
    ("option", "text", "name", "amount"),
    [
        ("time", "8h", "seconds", 28_800.0),
        ("energy", "1.5kWh", "joules", 5.4e6),
        ("energy", "250 Wh", "joules", 9e5),
        ("money", "3.50", "money", 3.5),
        ("steps", "2k", "steps", 2000),
        ("tokens", "20B", "tokens", 20_000_000_000),
    ],
)
def test_a_budget_is_read_and_is_the_only_one(option: str, text: str, name: str, amount: float) -> None:
    found = budget(**{f"{option}_text": text})
    assert {key: value for key, value in found.items() if value} == {name: amount}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"energy_text": "2"}, "not an energy"),
        ({"energy_text": "0Wh"}, "trains nothing"),
        ({"money_text": "lots"}, "not an amount of money"),
        ({"money_text": "0"}, "trains nothing"),
        ({"steps_text": "0"}, "trains nothing"),
        ({"time_text": "8h", "energy_text": "2kWh"}, "more than one budget"),
        ({"prices": ("3",)}, "no price"),
        ({"prices": ("3/h", "4/h")}, "two prices"),
    ],
)
def test_what_is_no_budget_says_how_to_write_one(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        budget(**given)
    assert caught.value.fix


def test_prices_are_read_in_any_order() -> None:
    assert read_prices(("0.30/kWh", "2.5 / h")) == Prices(2.5, 0.3)
    assert read_energy("7200J") == 7200


def test_limits_of_several_kinds_hold_together() -> None:
    found = read_allowance(("8h", "2kWh", "20"), ("2.50/h",))
    assert found == Allowance(seconds=28_800.0, joules=7.2e6, money=20.0, per_hour=2.5)
    assert read_allowance((), ()) == Allowance()


@pytest.mark.parametrize(
    ("stop_at", "says"),
    [(("20",), "no price"), (("soon",), "no limit"), (("1h", "2h"), "same kind"), (("0h",), "trains nothing")],
)
def test_what_is_no_limit_is_refused(stop_at: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        read_allowance(stop_at, ())
    assert caught.value.fix
