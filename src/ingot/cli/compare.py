"""`ingot compare`: two models that were asked the same, side by side, with the items whose answers changed."""

from __future__ import annotations

from typing import Any

import click

from ingot.cli.options import shared
from ingot.cli.show.display import open_display
from ingot.cli.show.evaluations import print_comparison
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.wire import command_line, home_at
from ingot.core.errors import UsageError
from ingot.evaluate.comparing import read_changed
from ingot.evaluate.config import CompareConfig
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.runner import Options, run
from ingot.recipes.evaluate import comparison

_EVALUATION = "Evaluation"


@click.command()
@click.argument("first")
@click.argument("second")
@click.option("--task", "task", help="Compare this task alone.  [default: all that both were asked]")
@shared
def compare(first: str, second: str, task: str | None, home_path: str, as_json: bool, debug: bool) -> None:
    """Compare SECOND with FIRST: two models, or two evaluations, that were asked the same tasks.

    Differences come with an interval and a test on the same items: McNemar's for right and wrong, a paired bootstrap
    for the rest. Where the items are too few to tell, that is said, and how many it takes.
    """
    home = home_at(home_path)
    pairs = _pairs(home, home.get(first), home.get(second), task)
    steps, given = comparison(pairs, CompareConfig())
    with open_display(as_json, title=f"Comparing {first} and {second}") as display:
        outcome = run(steps, home, Options(command=command_line()), [display.show], given)
    for number, step in enumerate(steps):
        made = outcome.artifacts[step.name]
        if as_json:
            print_json_lines([_summary(made)])
            continue
        click.echo("\n" if number else "", nl=False)
        print_comparison(made)


def _summary(made: Artifact) -> dict[str, Any]:
    told = {"kind": "summary", "artifact": made.reference, "folder": str(made.path), "inputs": dict(made.record.inputs)}
    return {**told, **made.facts, "changed_items": read_changed(made.path)}


def _pairs(home: Home, first: Artifact, second: Artifact, task: str | None) -> list[tuple[Artifact, Artifact]]:
    """Return the evaluations to compare: both as named, or the newest of each task that both models were asked."""
    found = [_by_task(home, one, task) for one in (first, second)]
    pairs = [(found[0][asked], found[1][asked]) for asked in found[0] if asked in found[1]]
    if first.reference == second.reference or any(one.reference == other.reference for one, other in pairs):
        raise UsageError("these are one and the same", where=first.reference, fix="name two models, or two versions")
    if not pairs:
        told = "; ".join(
            f"{one.reference}: {', '.join(sorted(tasks)) or 'nothing'}"
            for one, tasks in zip((first, second), found, strict=True)
        )
        raise UsageError(
            "the two were not asked the same task" if task is None else f"the two were not both asked {task!r}",
            where=told,
            fix=f"ingot evaluate {second.reference} with the task that {first.reference} was asked",
        )
    return pairs


def _by_task(home: Home, one: Artifact, task: str | None) -> dict[str, Artifact]:
    """Return an artifact's evaluations by the name of their task, the newest of each."""
    if one.kind == _EVALUATION:
        return {_task_of(one): one} if task in (None, _task_of(one)) else {}
    made = [each for each in home.all() if each.kind == _EVALUATION and each.record.inputs["model"] == one.reference]
    made.sort(key=lambda each: (each.record.finished, each.version))
    return {_task_of(each): each for each in made if task in (None, _task_of(each))}


def _task_of(evaluation: Artifact) -> str:
    return evaluation.record.inputs["task"].partition("@")[0].removesuffix("-task")
