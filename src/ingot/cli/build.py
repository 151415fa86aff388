"""`ingot build`: folders in, a registered model out.

The life of the command: read the budget, look at the documents, say what disk and time it will need, run the quickstart
recipe with a live display, and end with a summary a manager can read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ingot.cli.options import read_count, read_duration, shared
from ingot.cli.show.display import open_display
from ingot.cli.show.preview import preview_plan, print_preview
from ingot.cli.show.summary import print_summary
from ingot.cli.wire import command_line, home_at, home_words
from ingot.core.errors import InputError, SpaceError, UsageError
from ingot.core.storage import as_size, free_bytes, write_atomically
from ingot.flow.home import Home, check_name
from ingot.flow.planning import take_snapshot
from ingot.flow.recipe_file import write_recipe
from ingot.flow.runner import Options, run
from ingot.flow.source import Snapshot
from ingot.flow.step import Step
from ingot.plan.disk import build_bytes
from ingot.recipes.quickstart import PROBE_ARTIFACT, Choices, quickstart

DEFAULT_TIME = "10m"


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--name", required=True, help="What to call the model; the same name again makes its next version.")
@click.option("--time", "time_text", help=f"Budget: how long the whole build may take.  [default: {DEFAULT_TIME}]")
@click.option("--steps", "steps_text", help="Budget: training steps instead of time.")
@click.option("--tokens", "tokens_text", help="Budget: tokens to train on instead of time, such as 5M.")
@click.option("--vocabulary", default=0, help="Tokens the tokenizer learns.  [default: the plan chooses]")
@click.option("--width", default=0, help="Width of the model.  [default: the plan chooses]")
@click.option("--layers", default=0, help="Layers of the model.  [default: the plan chooses]")
@click.option("--layout", type=click.Choice(["qwen3", "mistral"]), default="qwen3", show_default=True)
@click.option("--exclude", multiple=True, metavar="NAME", help="File or folder name to leave out; may be repeated.")
@click.option("--seed", default=0, help="Another seed makes another, equally good model.")
@click.option("--cores", type=click.IntRange(min=0), default=0, help="Cores to use.  [default: all]")
@click.option("--replan", is_flag=True, help="Measure this machine and plan anew instead of keeping the plan.")
@click.option("--dry-run", is_flag=True, help="Show the graph and the plan; spend nothing.")
@click.option("--write-recipe", "recipe_path", type=click.Path(), help="Also write the graph as a recipe file.")
@shared
def build(paths: tuple[str, ...], name: str, home_path: str, as_json: bool, debug: bool, **options: Any) -> None:
    """Build a model of your own from PATH...: folders, files or globs.

    Reads txt, md, html, code, csv, jsonl, pdf, docx and more; finds repeats; keeps some documents aside to measure the
    result; learns a tokenizer; trains; evaluates; registers NAME.
    """
    home = home_at(home_path)
    steps = quickstart(_model_name(name), paths, _choices(options))
    for step in steps:
        check_name(step.artifact)
    if options["recipe_path"]:
        _write_recipe(Path(options["recipe_path"]), steps)
    snapshot = take_snapshot(steps[0].sources["documents"], home)
    if options["dry_run"]:
        print_preview(steps, snapshot, preview_plan(steps, snapshot, home), as_json)
        return
    needed = _disk_needed(steps, snapshot, home)
    before = home.versions(name)
    redo = frozenset({"probe", "plan"} if options["replan"] else ())
    with open_display(as_json, title=f"Building {name}") as display:
        free = as_size(free_bytes(home.path))
        files = f"{len(snapshot.items)} files, {as_size(snapshot.bytes)}"
        display.say(f"{files}; needs about {as_size(needed)} of disk, {free} are free")
        settings = Options(cores=options["cores"], redo=redo, command=command_line())
        outcome = run(steps, home, settings, [display.show])
    print_summary(outcome, before, home_words(home_path), as_json)


def _model_name(name: str) -> str:
    if name == PROBE_ARTIFACT:
        raise UsageError(f"{name!r} is the name of what is measured about this machine", fix="choose another --name")
    return name


def _write_recipe(path: Path, steps: Sequence[Step]) -> None:
    try:
        write_atomically(path, write_recipe(steps))
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(
            "the recipe file cannot be written", where=str(path), why=why, fix="choose another file"
        ) from error


def _choices(options: Mapping[str, Any]) -> Choices:
    given = [option for option in ("time_text", "steps_text", "tokens_text") if options[option]]
    if len(given) > 1:
        raise UsageError("more than one budget is given", fix="choose one of --time, --steps and --tokens")
    return Choices(
        seconds=read_duration(options["time_text"] or DEFAULT_TIME) if not given or options["time_text"] else 0.0,
        steps=read_count(options["steps_text"], "--steps") if options["steps_text"] else 0,
        tokens=read_count(options["tokens_text"], "--tokens") if options["tokens_text"] else 0,
        exclude=tuple(options["exclude"]),
        **{key: options[key] for key in ("vocabulary", "width", "layers", "layout", "seed")},
    )


def _disk_needed(steps: Sequence[Step], snapshot: Snapshot, home: Home) -> int:
    """Return the disk the build will need. Raises SpaceError when that is more than is free."""
    try:
        needed = int(preview_plan(steps, snapshot, home)["disk_bytes"])
    except InputError:
        # File sizes alone cannot refuse a build: a small compressed file may hold much text. The plan step decides.
        needed = build_bytes(snapshot.bytes)
    free = free_bytes(home.path)
    if needed > free:
        raise SpaceError(
            f"this build needs about {as_size(needed)} of disk and {as_size(free)} are free",
            where=str(home.path),
            fix="free some space (`ingot gc` says what it could remove) or choose another disk with --home FOLDER",
        )
    return needed
