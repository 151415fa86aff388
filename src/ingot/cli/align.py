"""`ingot align`: a model that goes on with texts in, a model that answers as people prefer out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ingot.cli.budgets import read_allowance, spending_options
from ingot.cli.options import shared
from ingot.cli.show.display import open_display
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.wire import command_line, home_at, home_words
from ingot.core.storage import write_atomically
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home, check_name
from ingot.flow.recipe_file import as_literals, write_recipe
from ingot.flow.runner import Options, run
from ingot.flow.step import Field, Step
from ingot.recipes.align import Choices, Examples
from ingot.recipes.align import align as steps_of
from ingot.recipes.continue_pretrain import import_model
from ingot.recipes.fine_tune import start_of
from ingot.train.config import ATTENTION_MATRICES, LAYER_MATRICES, AdapterConfig

_A_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FROM_0 = click.IntRange(min=0)
_ABOVE_0 = click.FloatRange(min=0, min_open=True)


@click.command()
@click.argument("base", metavar="MODEL")
@click.option("--name", required=True, help="What to call the result; the same name again makes its next version.")
@click.option("--preferences", type=_A_FILE, required=True, help="Pairs of answers, the better one named: JSON Lines.")
@click.option("--conversations", type=_A_FILE, help="Conversations to learn answering from first: JSON Lines.")
@click.option("--validation", type=_A_FILE, help="Conversations that are only measured on.")
@click.option("--loss", type=click.Choice(["sigmoid", "ipo", "hinge"]), default="sigmoid", show_default=True)
@click.option("--beta", type=_ABOVE_0, default=0.1, show_default=True, help="The larger, the nearer to what it was.")
@click.option(
    "--offset",
    type=click.Choice(["none", "log", "linear"]),
    default="none",
    show_default=True,
    help="Ask for more where scores of the pairs differ more (ODPO).",
)
@click.option(
    "--rank", type=click.IntRange(0, 1024), default=0, help="Train adapters of this rank alone.  [default: all weights]"
)
@click.option("--epochs", type=_FROM_0, default=0, help="How often to read the conversations; 0 leaves it to the plan.")
@click.option(
    "--preference-epochs", type=_FROM_0, default=0, help="How often to read the pairs; 0 leaves it to the plan."
)
@click.option("--rate", type=_ABOVE_0, default=1.0, help="Multiply the learning rates of the plans by this.")
@click.option("--row-tokens", type=_FROM_0, default=0, help="Room for both of a pair.  [default: as the model reads]")
@click.option(
    "--held-out", type=click.FloatRange(0, 0.5), default=0.05, show_default=True, help="Share of pairs kept aside."
)
@click.option("--bad-rows", type=click.Choice(["leave_out", "refuse"]), default="leave_out", show_default=True)
@click.option("--seed", default=0, help="Another seed draws another order.")
@click.option("--cores", type=_FROM_0, default=0, help="Cores to use.  [default: all]")
@click.option("--dry-run", is_flag=True, help="Show the graph; spend nothing.")
@click.option(
    "--write-recipe", "recipe_path", type=click.Path(path_type=Path), help="Also write the graph as a recipe file."
)
@spending_options
@shared
def align(base: str, name: str, home_path: str, as_json: bool, debug: bool, **options: Any) -> None:
    """Teach MODEL to answer by --conversations, and then which answers are better by --preferences.

    MODEL is a model of the home, or a checkpoint taken in by `ingot import`; one that answers already needs no
    conversations. Pairs that are kept aside tell, while it trains and in the end, how often it prefers the better one.
    """
    home = home_at(home_path)
    steps, given = _steps(check_name(name), home.get(base), home, options)
    if options["recipe_path"]:
        write_atomically(options["recipe_path"], write_recipe(_by_themselves(steps, given)))
    if options["dry_run"]:
        _print_graph(steps, as_json)
        return
    allowance = read_allowance(options["stop_at"], options["prices"])
    settings = Options(cores=options["cores"], command=command_line(), allowance=allowance)
    with open_display(as_json, title=f"Aligning {base}") as display:
        outcome = run(steps, home, settings, [display.show], given)
    _print_result(outcome.artifacts, home_words(home_path), as_json)


def _steps(
    name: str, base: Artifact, home: Home, options: Mapping[str, Any]
) -> tuple[list[Step], Mapping[str, Artifact]]:
    examples = Examples(options["preferences"], options["conversations"], options["validation"])
    choices = Choices(
        kind=options["loss"],
        beta=options["beta"],
        offset=options["offset"],
        conversation_epochs=options["epochs"],
        preference_epochs=options["preference_epochs"],
        rate_factor=options["rate"],
        row_tokens=options["row_tokens"],
        held_out_share=options["held_out"],
        bad_rows=options["bad_rows"],
        seed=options["seed"],
        adapters=_adapters(options["rank"], base, home),
    )
    return steps_of(name, base, home, examples, choices)


def _by_themselves(steps: Sequence[Step], given: Mapping[str, Artifact]) -> list[Step]:
    """Return the same graph for a file, which names no artifacts of a home: its start is a folder that is taken in."""
    kept: dict[Step, Step] = {}

    def moved(step: Step) -> Step:
        if step not in kept:
            inputs = {name: moved(parent) for name, parent in step.inputs.items()}
            fields = {name: Field(moved(origin.step), origin.fact) for name, origin in step.fields.items()}
            is_given = step.name in given
            kept[step] = (
                replace(import_model(f"{step.artifact}-start", given[step.name].path), name=step.name)
                if is_given
                else replace(step, inputs=inputs, fields=fields)
            )
        return kept[step]

    return [moved(step) for step in steps]


def _adapters(rank: int, base: Artifact, home: Home) -> AdapterConfig | None:
    if not rank:
        return None
    has_experts = bool(start_of(base, home).facts["model"].get("experts"))
    return AdapterConfig(rank, 2.0 * rank, ATTENTION_MATRICES if has_experts else LAYER_MATRICES)


def _print_graph(steps: Sequence[Step], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"kind": "dry-run", **as_literals(steps)}))
        return
    print_table(
        ("step", "makes", "from"),
        [(step.name, step.artifact, ", ".join(parent.name for parent in step.parents) or "-") for step in steps],
    )
    click.echo("\nNothing was run. Remove --dry-run to align it.")


def _print_result(artifacts: Mapping[str, Artifact], home: str, as_json: bool) -> None:
    model, report, pairs = (artifacts[name] for name in ("model", "report", "pairs"))
    if as_json:
        facts = {name: dict(made.facts) for name, made in artifacts.items()}
        print_json_lines([{"kind": "summary", "artifact": model.reference, "path": str(model.path), "facts": facts}])
        return
    rows = [("model", model.reference), ("pairs learned from", f"{pairs.facts['train_examples']:,}")]
    if pairs.facts["failures"]:
        rows.append(("lines left out", f"{pairs.facts['failures']:,}: {pairs.path / 'failures.jsonl'}"))
    print_table(("what", "is"), [*rows, *_figures(report)])
    click.echo(f"\ningot chat {model.name}{home}")


def _figures(report: Artifact) -> list[tuple[str, str]]:
    """Return the figures as rows; what was not measured is said."""
    figures = report.facts["metrics"]
    if not figures:
        return [("pairs kept aside", "none: nobody has measured what it prefers")]
    names = {
        "accuracy": "better answer gained",
        "margin": "by so many nats",
        "likelier": "better answer likelier",
        "likelier_before": "... before",
    }
    told = [(text, figures[name]) for name, text in names.items()]
    rows = [(text, f"{one['value']:.3f}{_interval(one)}") for text, one in told]
    return [("pairs kept aside", f"{report.facts['pairs']:,}"), *rows]


def _interval(figure: Mapping[str, Any]) -> str:
    return "" if figure["low"] is None else f" (95% {figure['low']:.3f} to {figure['high']:.3f})"
