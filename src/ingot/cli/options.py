"""Options several commands share, and the reading of budgets such as `10m`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
import yaml

from ingot.cli.wire import DEFAULT_HOME
from ingot.core.errors import UsageError
from ingot.core.hardware import machine
from ingot.plan.parallel import planned, read

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MAGNITUDES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12}

home_option = click.option(
    "--home",
    "home_path",
    envvar="INGOT_HOME",
    default=DEFAULT_HOME,
    show_default=True,
    help="Where everything lies (or the variable INGOT_HOME).",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON lines instead of text: each record one object on one line."
)
debug_option = click.option("--debug", is_flag=True, help="Show tracebacks.")

overlap_option = click.option(
    "--overlap/--no-overlap",
    default=None,
    help="Train while shards are still being written.  [default: with a cluster or an accelerator]",
)


processes_option = click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Train with so many processes: of this machine, or of the cluster.",
)
parallel_option = click.option(
    "--parallel",
    default="",
    metavar="SIZES",
    help="How they divide the work, such as tensor=2,expert=4.  [default: all share the weights]",
)

canaries_option = click.option(
    "--canaries",
    type=click.Choice(["on", "off"]),
    default="on",
    show_default=True,
    help="Put a few invented secrets into the text (0.5% at most), to audit what the model learns by heart.",
)


def overlaps(chosen: bool | None, executor: str) -> bool:
    """Say whether steps may run beside one another: as chosen, else where they do not share the same cores."""
    return chosen if chosen is not None else executor != "local" or machine().accelerator is not None


def divided_among(processes: int, parallel: str) -> tuple[int, dict[str, int]]:
    """Return both options, checked."""
    sizes = read(parallel)
    planned(processes, sizes)
    return processes, sizes


def shared(command: F) -> F:
    """Add --home, --json and --debug to a command."""
    return home_option(json_option(debug_option(command)))


def read_duration(text: str) -> float:
    """Return seconds from `90s`, `10m`, `1h30m` or `2d`.

    >>> read_duration("1h30m")
    5400.0
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text.strip().lower())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip().lower():
        raise UsageError(f"{text!r} is not a time", where="--time", fix="write it like 90s, 10m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def read_size(text: str, option: str) -> int:
    """Return bytes from `16GB`, `500MB` or `8GiB`.

    >>> read_size("1.5GB", "--memory")
    1500000000
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b", text.strip().lower())
    size = float(match[1]) * (1024 if match[3] else 1000) ** " kmgt".index(match[2] or " ") if match else 0.0
    if not size:
        raise UsageError(f"{text!r} is no size", where=option, fix="write it like 16GB or 500MB")
    return int(size)


def read_count(text: str, option: str) -> int:
    """Return a count from `2000`, `20k`, `5M` or `1B`.

    >>> read_count("1.5M", "--tokens")
    1500000
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmbgt]?)", text.strip().lower())
    if match is None:
        raise UsageError(f"{text!r} is not a count", where=option, fix="write it like 2000, 20k or 5M")
    return int(float(match[1]) * _MAGNITUDES[match[2]])


def read_options(given: Iterable[str], where: str = "--option") -> dict[str, Any]:
    """Return options by their names, the values read as YAML: numbers, lists and words.

    >>> read_options(["tolerance=0.5", "kind=exact"])
    {'tolerance': 0.5, 'kind': 'exact'}
    """
    read = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{text!r} is no option", where=where, fix="write it like style=texts")
        try:
            read[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"the value of {name} cannot be read", where=where, why=str(error)) from None
    return read
