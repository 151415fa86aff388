"""`ingot run`: a recipe file in, its artifacts out."""

from __future__ import annotations

from pathlib import Path

import click

from ingot.cli.budgets import read_allowance, spending_options
from ingot.cli.detached import detachable
from ingot.cli.options import divided_among, overlap_option, overlaps, parallel_option, processes_option, shared
from ingot.cli.show.display import open_display
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.wire import command_line, home_at
from ingot.flow.recipe_file import as_literals, read_recipe, write_recipe
from ingot.flow.runner import Options
from ingot.flow.runner import run as run_steps


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--redo", multiple=True, metavar="STEP", help="Make this step anew although it exists; may be repeated.")
@click.option("--cores", type=click.IntRange(min=0), default=0, help="Cores to use.  [default: all]")
@click.option("--on", "executor", default="local", show_default=True, help="Where: local, ray, slurm or kubernetes.")
@processes_option
@parallel_option
@overlap_option
@spending_options
@click.option("--dry-run", is_flag=True, help="Check the recipe and show its graph; run nothing.")
@shared
@detachable
def run(
    recipe: Path,
    redo: tuple[str, ...],
    cores: int,
    executor: str,
    processes: int,
    parallel: str,
    overlap: bool | None,
    prices: tuple[str, ...],
    stop_at: tuple[str, ...],
    dry_run: bool,
    home_path: str,
    as_json: bool,
    debug: bool,
) -> None:
    """Run the recipe file RECIPE (YAML or JSON)."""
    steps = read_recipe(recipe)
    if dry_run:
        if as_json:
            print_json_lines([{"kind": "dry-run", **as_literals(steps)}])
        else:
            click.echo(write_recipe(steps), nl=False)
        return
    divided, allowance = divided_among(processes, parallel), read_allowance(stop_at, prices)
    beside = overlaps(overlap, executor)
    options = Options(executor, cores, frozenset(redo), command_line(), beside, *divided, allowance)
    with open_display(as_json, title=f"Running {recipe.name}") as display:
        outcome = run_steps(steps, home_at(home_path), options, [display.show])
    made = {name: artifact.reference for name, artifact in outcome.artifacts.items()}
    if as_json:
        print_json_lines([{"kind": "summary", "run": outcome.run.id, "artifacts": made}])
    else:
        rows = [
            (name, reference, "made before" if name in outcome.reused else "made") for name, reference in made.items()
        ]
        print_table(("step", "artifact", "state"), rows)
