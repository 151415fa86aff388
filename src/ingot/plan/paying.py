"""Time, energy and money of a plan: budgets in any of them, and what a training will take, with a band.

A machine that trains takes so many watts, measured by the probe or estimated as core/energy.py does it; so energy and
money are time by another name, and a budget in them becomes seconds before anything is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ingot.core.allowance import JOULES_PER_KWH, Prices
from ingot.core.energy import ESTIMATED, NOT_MEASURED, WATTS_PER_BUSY_CORE, WATTS_PER_GIB
from ingot.core.errors import InputError
from ingot.plan.config import PlanConfig


@dataclass(frozen=True)
class Power:
    """Watts while training; None where nobody can tell, and how they were found."""

    watts: float | None
    method: str


@dataclass(frozen=True)
class Band:
    """An expected amount, and from where to where it probably comes."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Band:
        """Return the band of a multiple."""
        return Band(self.value * factor, self.low * factor, self.high * factor)


def band(value: float, factor: float) -> Band:
    """Return an amount that may be off by a factor to both sides."""
    return Band(value, value / factor, value * factor)


def power_of(probe: Mapping[str, Any] | None, cores: int) -> Power:
    """Return what the machine takes while training: as the probe found at its sizes, or for busy cores."""
    if probe is None:
        return Power(cores * WATTS_PER_BUSY_CORE + WATTS_PER_GIB, ESTIMATED)
    found = [(size.get("watts"), size.get("energy_method", ESTIMATED)) for size in probe.get("sizes", ())]
    known = [watts for watts, _ in found if watts]
    if known:
        return Power(sum(known) / len(known), found[0][1])
    is_blind = any(method == NOT_MEASURED for _, method in found)
    return Power(None, NOT_MEASURED) if is_blind else power_of(None, cores)


def in_seconds(config: PlanConfig, power: Power) -> PlanConfig:
    """Return the config with a budget in joules or money as seconds. Raises InputError where watts are not known."""
    if not (config.joules or config.money):
        return config
    per_hour = config.price_per_hour
    if power.watts is None and (config.joules or config.price_per_kwh):
        raise InputError(
            "a budget in energy cannot be planned: what this machine takes is not measured",
            where="--energy" if config.joules else "--price",
            why="it has a GPU whose counters cannot be read",
            fix="pip install 'ingot[energy]' and add --replan, or give a budget in time, such as --time 8h",
        )
    watts = power.watts or 0.0
    if config.joules:
        return replace(config, seconds=config.joules / watts, joules=0.0)
    a_second = per_hour / 3600 + watts / JOULES_PER_KWH * config.price_per_kwh
    return replace(config, seconds=config.money / a_second, money=0.0)


def smallest_option(config: PlanConfig, seconds: float, power: Power) -> str:
    """Return the option, of the kind the budget was given in, that pays for so many seconds, rounded up."""
    joules = None if power.watts is None else seconds * power.watts
    if config.joules and joules is not None:
        return f"--energy {math.ceil(joules / 360) / 10:g}Wh"
    money = Prices(config.price_per_hour, config.price_per_kwh).of(seconds, joules)
    if config.money and money is not None:
        digits = 2 - math.floor(math.log10(max(money, 1e-9)))
        return f"--money {math.ceil(money * 10**digits) / 10**digits:g}"
    return f"--time {math.ceil(seconds)}s"


def costs(seconds: float, factor: float, power: Power, prices: Prices) -> dict[str, Any]:
    """Return time, energy and money as facts of a plan, each with its band; None is not measured, or has no price."""
    time = band(seconds, factor)
    energy = None if power.watts is None else time.times(power.watts)
    money = [prices.of(each, None if power.watts is None else each * power.watts) for each in _parts(time)]
    return {
        "expected_seconds_band": [round(time.low, 1), round(time.high, 1)],
        "watts": None if power.watts is None else round(power.watts, 1),
        "energy_method": power.method,
        "expected_joules": None if energy is None else round(energy.value, 1),
        "expected_joules_band": None if energy is None else [round(energy.low, 1), round(energy.high, 1)],
        "expected_money": _rounded(money[0]),
        "expected_money_band": None if money[0] is None else [_rounded(each) for each in money[1:]],
    }


def _parts(of: Band) -> tuple[float, float, float]:
    return of.value, of.low, of.high


def _rounded(money: float | None) -> float | None:
    return None if money is None else float(f"{money:.4g}")
