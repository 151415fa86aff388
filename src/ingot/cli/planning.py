"""`ingot plan`: what a training would be and take, before anything is bought, rented or run."""

from __future__ import annotations

import json
from typing import Any

import click

from ingot.cli.budgets import BUDGETS, budget_options, price_option, read_budget
from ingot.cli.options import parallel_option, read_count, shared
from ingot.cli.show.tables import print_table
from ingot.cli.show.words import as_duration, as_energy, as_number
from ingot.cli.wire import home_at
from ingot.core.errors import UsageError
from ingot.core.hardware import machine
from ingot.core.storage import as_size
from ingot.flow.home import Home
from ingot.model.presets import preset
from ingot.plan.config import PlanConfig
from ingot.plan.estimate import Place, estimate, place_at, place_of
from ingot.plan.explain import price
from ingot.plan.here import guessed, probed
from ingot.plan.machines import precision_of, read_machines
from ingot.plan.parallel import planned, read
from ingot.recipes.quickstart import PROBE_ARTIFACT

THIS = "this"
_FROM_0 = click.IntRange(min=0)


@click.command()
@click.option("--model", "model_name", default="", help="A model preset.  [default: the best for the budget]")
@budget_options
@price_option
@click.option(
    "--machines",
    "machines_text",
    default=THIS,
    show_default=True,
    metavar="GPUS",
    help="Where: `this` machine, or GPUs such as 8xh100, or 4x8xh100 for four machines of eight.",
)
@parallel_option
@click.option("--text", "text_size", default="", help="Bytes of text there are, such as 20G.  [default: never too few]")
@click.option("--vocabulary", type=_FROM_0, default=0, help="Tokens it knows.  [default: the plan chooses]")
@click.option("--batch-size", type=_FROM_0, default=0, help="Rows of a step.  [default: the plan chooses]")
@click.option("--sequence-length", type=_FROM_0, default=0, help="Tokens of a row.  [default: the plan chooses]")
@click.option("--precision", type=click.Choice(["auto", "bf16", "fp32"]), default="auto", show_default=True)
@shared
def plan(home_path: str, as_json: bool, debug: bool, **options: Any) -> None:
    """Say what a training would be and take: model, steps, machines, memory, time, energy, money.

    Nothing is run. Of this machine the speed is the one a build has measured, or told from its cores; of other GPUs
    published figures are taken, which were never measured here. Price per hour is that of all machines together.
    """
    if all(options[f"{name}_text"] is None for name in BUDGETS):
        fix = "give one, such as --tokens 20B, --time 8h, --energy 50kWh, or --money 1000 --price 25/h"
        raise UsageError("a plan needs a budget", where="ingot plan", fix=fix)
    model = preset(options["model_name"]).model if options["model_name"] else None
    place = _place(options, home_at(home_path), model)
    budget = PlanConfig(
        **read_budget(options),
        train_bytes=read_count(options["text_size"], "--text") if options["text_size"] else 0,
        vocabulary=options["vocabulary"],
        batch_size=options["batch_size"],
        sequence_length=options["sequence_length"],
    )
    given = planned(place.here.devices, read(options["parallel"])) if options["parallel"] else None
    facts = estimate(budget, place, model, given)
    if as_json:
        print(json.dumps({"kind": "plan", **facts}))
    else:
        _print(facts)


def _place(options: dict[str, Any], home: Home, model: Any) -> Place:
    if options["machines_text"] != THIS:
        machines = read_machines(options["machines_text"])
        return place_of(machines, precision_of(machines, options["precision"]), model)
    probes = home.versions(PROBE_ARTIFACT)
    here = machine()
    return place_at(probed(probes[-1].facts, here.cores) if probes else guessed(here))


def _print(facts: dict[str, Any]) -> None:
    parallel = ", ".join(f"{name} {size}" for name, size in facts["parallel"].items() if size > 1) or "one process"
    money = facts["expected_money"]
    rows = [
        ("model", f"{as_number(facts['parameters'])} parameters, vocabulary {facts['vocabulary']:,}"),
        (
            "training",
            f"{facts['steps']:,} steps of {facts['batch_size']:,} rows of {facts['sequence_length']:,} tokens",
        ),
        ("learning rate", f"{facts['learning_rate']:g} at width {facts['base_width']}"),
        ("precision", facts["precision"]),
        ("machines", f"{facts['machines']} ({facts['figures']})"),
        ("divided", parallel),
        ("memory", f"{as_size(facts['memory_bytes'])} on each device"),
        ("time", _banded(facts["expected_seconds"], facts["expected_seconds_band"], as_duration)),
        ("energy", as_energy(facts["expected_joules"], facts["energy_method"])),
        *([("money", _banded(money, facts["expected_money_band"], price))] if money else []),
    ]
    print_table(("what", "expected"), rows)
    click.echo()
    for sentence in facts["sentences"]:
        click.echo(f"- {sentence}")


def _banded(value: float, between: Any, as_words: Any) -> str:
    return f"{as_words(value)} ({as_words(between[0])} to {as_words(between[1])})"
