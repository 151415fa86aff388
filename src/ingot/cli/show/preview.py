"""What a build would do: the graph, the plan, the disk and time it needs. Nothing is spent to find out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from ingot.cli.show.tables import print_table
from ingot.cli.show.words import as_duration, as_number
from ingot.core.hardware import machine
from ingot.core.storage import as_size
from ingot.flow.home import Home
from ingot.flow.recipe_file import as_literals
from ingot.flow.source import Snapshot
from ingot.flow.step import Step
from ingot.plan.config import PlanConfig
from ingot.plan.preview import preview


def budget_of(steps: Sequence[Step]) -> PlanConfig:
    """Return the budget and the choices a build's plan is made from."""
    config = next(step for step in steps if step.name == "plan").config
    assert isinstance(config, PlanConfig)
    return config


def preview_plan(steps: Sequence[Step], snapshot: Snapshot, home: Home) -> Mapping[str, Any]:
    """Return the plan's facts as they can be told from file sizes, using an earlier probe if there is one."""
    probes = home.versions("machine-probe")
    return preview(snapshot.bytes, budget_of(steps), probes[-1].facts if probes else None, machine())


def print_preview(steps: Sequence[Step], snapshot: Snapshot, plan: Mapping[str, Any], as_json: bool) -> None:
    """Print the graph and the plan."""
    if as_json:
        found = {"files": len(snapshot.items), "bytes": snapshot.bytes, "skipped": snapshot.skipped}
        print(json.dumps({"kind": "dry-run", "source": found, "plan": plan, **as_literals(steps)}, default=_plain))
        return
    click.echo(f"{len(snapshot.items)} files, {as_size(snapshot.bytes)}; {len(snapshot.skipped)} left out\n")
    rows = [(step.name, step.artifact, ", ".join(parent.name for parent in step.parents) or "-") for step in steps]
    print_table(("step", "makes", "from"), rows)
    click.echo(
        f"\nmodel: {as_number(plan['parameters'])} parameters, vocabulary {plan['vocabulary']}, "
        f"{plan['steps']} steps, {as_number(plan['tokens'])} tokens\n"
        f"time: about {as_duration(plan['expected_seconds'])}, speed {plan['throughput']}\n"
        f"disk: about {as_size(plan['disk_bytes'])}; memory while training: about {as_size(plan['memory_bytes'])}\n"
    )
    for sentence in plan["sentences"]:
        click.echo(f"- {sentence}")
    click.echo("\nNothing was run. Remove --dry-run to build it.")


def _plain(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)
