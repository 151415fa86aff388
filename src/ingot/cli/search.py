"""`ingot search`: a recipe file and a file that says what to vary in, the best settings out."""

from __future__ import annotations

from pathlib import Path

import click

from ingot.cli.options import shared
from ingot.cli.show.display import open_display
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.wire import command_line, home_at
from ingot.flow.recipe_file import read_config, read_recipe
from ingot.flow.runner import Options
from ingot.train.search import SearchConfig
from ingot.train.search import search as search_settings

_SHOWN = 10


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("space", type=click.Path(path_type=Path))
@click.option("--cores", type=click.IntRange(min=0), default=0, help="Cores to use.  [default: all]")
@click.option("--on", "executor", default="local", show_default=True, help="Where: local, ray, slurm or kubernetes.")
@shared
def search(recipe: Path, space: Path, cores: int, executor: str, home_path: str, as_json: bool, debug: bool) -> None:
    """Search settings of a training in the recipe file RECIPE, as the file SPACE says."""
    config, steps = read_config(space, SearchConfig), read_recipe(recipe)
    options = Options(executor, cores, command=command_line())
    with open_display(as_json, title=f"Searching {config.name}") as display:
        made = search_settings(config, steps, home_at(home_path), options, [display.show])
    facts = made.facts
    if as_json:
        print_json_lines([{"kind": "summary", "artifact": made.reference, **facts}])
        return
    names = sorted(config.space)
    print_table(
        ("trial", "steps", "bits per byte", *names),
        [
            (
                str(row["trial"]),
                str(row["steps"]),
                f"{row['bits_per_byte']:.4f}",
                *(f"{row[name]:.4g}" if isinstance(row[name], float) else str(row[name]) for name in names),
            )
            for row in facts["trials"][:_SHOWN]
        ],
    )
    click.echo(f"best: {', '.join(f'{name}: {value}' for name, value in facts['best'].items())}")
