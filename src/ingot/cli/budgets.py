"""Budgets and limits as they are typed: time, energy, money, steps, tokens; and what an hour or a kWh costs.

A budget says what to plan for. A limit (`--stop-at`) says when to save and stop, whatever was planned; it changes
nothing about the result, and a higher one goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from ingot.cli.options import read_count, read_duration
from ingot.core.allowance import Allowance, Prices
from ingot.core.errors import UsageError
from ingot.plan.preview import least_tokens

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_TIME = "10m"
BUDGETS = ("time", "energy", "money", "steps", "tokens")
_JOULES = {"j": 1.0, "wh": 3600.0, "kwh": 3.6e6, "mwh": 3.6e9}

price_option = click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="AMOUNT/h|AMOUNT/kWh",
    help="What an hour of the machine or a kWh costs, such as 2.50/h or 0.30/kWh; may be given for both.",
)
_stop_option = click.option(
    "--stop-at",
    "stop_at",
    multiple=True,
    metavar="AMOUNT",
    help="Save the training and stop when it has spent so much: 8h, 2kWh, or money such as 20 with --price.",
)
_budget_options = (
    click.option("--time", "time_text", help=f"Budget: how long the whole build may take.  [default: {DEFAULT_TIME}]"),
    click.option("--energy", "energy_text", help="Budget: what the whole build may use, such as 2kWh."),
    click.option("--money", "money_text", help="Budget: what the whole build may cost, with --price."),
    click.option("--steps", "steps_text", help="Budget: training steps instead of time."),
    click.option("--tokens", "tokens_text", help="Budget: tokens to train on instead of time, such as 5M."),
)


def budget_options(command: F) -> F:
    """Add the options of a budget to a command."""
    for option in reversed(_budget_options):
        command = option(command)
    return command


def spending_options(command: F) -> F:
    """Add --price and --stop-at to a command."""
    return price_option(_stop_option(command))


def read_budget(options: Mapping[str, Any], default_time: str = DEFAULT_TIME) -> dict[str, Any]:
    """Return the one budget that is given, or the time by default, and the prices, by the names a plan gives them."""
    texts = {name: options[f"{name}_text"] for name in BUDGETS}
    given = [name for name, text in texts.items() if text is not None]
    if len(given) > 1:
        raise UsageError("more than one budget is given", fix=f"choose one of {_listed(BUDGETS)}")
    prices = read_prices(options["prices"])
    return {
        "seconds": _seconds(texts["time"] if given else default_time),
        "joules": _amount(texts["energy"], "--energy", read_energy),
        "money": _amount(texts["money"], "--money", _number),
        "steps": _count(texts["steps"], "--steps", 1),
        "tokens": _count(texts["tokens"], "--tokens", least_tokens()),
        # Prices decide nothing where the budget is none of money.
        "price_per_hour": prices.per_hour,
        "price_per_kwh": prices.per_kwh,
    }


def read_allowance(stop_at: Sequence[str], prices: Sequence[str]) -> Allowance:
    """Return the limits that are given, each of another kind."""
    found: dict[str, float] = {}
    for text in stop_at:
        kind, amount = _limit(text)
        if kind in found:
            raise UsageError(f"two limits of the same kind are given: {text!r}", where="--stop-at", fix="leave one out")
        found[kind] = amount
    costs = read_prices(prices)
    if "money" in found and costs == Prices():
        fix = "say what it costs: --price 2.50/h for the machine, --price 0.30/kWh for energy, or both"
        raise UsageError("a limit in money is given and no price", where="--stop-at", fix=fix)
    return Allowance(**found, per_hour=costs.per_hour, per_kwh=costs.per_kwh)


def read_prices(texts: Sequence[str]) -> Prices:
    """Return the prices in texts such as `2.50/h` and `0.30/kWh`.

    >>> read_prices(["2.50/h", "0.30/kWh"])
    Prices(per_hour=2.5, per_kwh=0.3)
    """
    found: dict[str, float] = {}
    for text in texts:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*/\s*(h|kwh)", text.strip().lower())
        name = f"per_{'hour' if match[2] == 'h' else 'kwh'}" if match else ""
        if match is None or name in found:
            what = f"{text!r} is no price" if match is None else f"two prices of the same kind are given: {text!r}"
            raise UsageError(what, where="--price", fix="write it like 2.50/h or 0.30/kWh, each once")
        found[name] = float(match[1])
    return Prices(**found)


def read_energy(text: str, option: str = "--energy") -> float:
    """Return joules from `500Wh` or `2kWh`.

    >>> read_energy("2kWh")
    7200000.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(j|wh|kwh|mwh)", text.strip().lower())
    if match is None:
        raise UsageError(f"{text!r} is not an energy", where=option, fix="write it like 500Wh or 2kWh")
    return float(match[1]) * _JOULES[match[2]]


def _limit(text: str) -> tuple[str, float]:
    lowered = text.strip().lower()
    if re.fullmatch(r".*(wh|j)", lowered):
        kind, amount = "joules", read_energy(text, "--stop-at")
    elif re.fullmatch(r"\d+(?:\.\d+)?", lowered):
        kind, amount = "money", float(lowered)
    else:
        try:
            kind, amount = "seconds", read_duration(text)
        except UsageError:
            fix = "write it like 8h, 2kWh or, with --price, 20"
            raise UsageError(f"{text!r} is no limit", where="--stop-at", fix=fix) from None
    if not amount:
        raise UsageError(f"a limit of {text} trains nothing", where="--stop-at", fix="give more, or leave it out")
    return kind, amount


def _number(text: str, option: str) -> float:
    match = re.fullmatch(r"\d+(?:\.\d+)?", text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not an amount of money", where=option, fix="write it like 20 or 3.50")
    return float(match[0])


def _amount(text: str | None, option: str, read: Callable[[str, str], float]) -> float:
    amount = read(text, option) if text is not None else 0.0
    if text is not None and not amount:
        raise UsageError(f"{option} {text} trains nothing", where=option, fix="give more than nothing")
    return amount


def _seconds(text: str | None) -> float:
    seconds = read_duration(text) if text is not None else 0.0
    if text is not None and not seconds:
        why = "reading, measuring and packaging alone take about a minute"
        raise UsageError(f"--time {text} trains nothing", where="--time", why=why, fix="give more, such as --time 2m")
    return seconds


def _count(text: str | None, option: str, smallest: int) -> int:
    count = read_count(text, option) if text is not None else 0
    if text is not None and not count:
        fix = f"the smallest that works is {option} {smallest}"
        raise UsageError(f"{option} {text} trains nothing", where=option, fix=fix)
    return count


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(f'--{name}' for name in names[:-1])} and --{names[-1]}"
