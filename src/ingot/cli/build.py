"""`ingot build`: folders in, a registered model out.

The life of the command: read the budget, look at the documents, say what disk and time it will need, run the quickstart
recipe with a live display, and end with a summary a manager can read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ingot.cli.budgets import budget_options, read_allowance, read_budget, spending_options
from ingot.cli.detached import detachable
from ingot.cli.options import (
    canaries_option,
    divided_among,
    overlap_option,
    overlaps,
    parallel_option,
    processes_option,
    shared,
)
from ingot.cli.paths import read_once
from ingot.cli.show.display import open_display
from ingot.cli.show.preview import budget_of, preview_plan, print_preview
from ingot.cli.show.summary import print_summary
from ingot.cli.wire import command_line, home_at, home_words
from ingot.core.errors import InputError, SpaceError, UsageError
from ingot.core.storage import as_size, free_bytes, write_atomically
from ingot.data.config import CurateConfig
from ingot.data.connectors import folder
from ingot.data.inputs import check_inputs
from ingot.flow.home import Home, check_name
from ingot.flow.planning import take_snapshot
from ingot.flow.recipe_file import read_config, read_sources, write_recipe
from ingot.flow.runner import Options, run
from ingot.flow.source import Snapshot, Source, together
from ingot.flow.step import Step
from ingot.plan.config import VOCABULARY_RULE, check
from ingot.plan.preview import least_disk_bytes
from ingot.recipes.quickstart import PROBE_ARTIFACT, Choices, quickstart

_FROM_0 = click.IntRange(min=0)
_FILE = click.Path(dir_okay=False, path_type=Path)
_SHOWN_PATHS = 3


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--name", required=True, help="What to call the model; the same name again makes its next version.")
@budget_options
@spending_options
@click.option("--vocabulary", default=0, help=f"Tokens it knows: {VOCABULARY_RULE}.  [default: the plan chooses]")
@click.option("--width", type=_FROM_0, default=0, help="Width of the model.  [default: the plan chooses]")
@click.option("--layers", type=_FROM_0, default=0, help="Layers of the model.  [default: the plan chooses]")
@click.option("--layout", type=click.Choice(["qwen3", "mistral"]), default="qwen3", show_default=True)
@click.option("--exclude", multiple=True, metavar="NAME", help="File or folder name to leave out; may be repeated.")
@click.option("--sources", "sources_path", type=_FILE, help="YAML file of more sources: databases, buckets, mail, ...")
@click.option("--curation", "curation_path", type=_FILE, help="YAML file of transforms, filters and rules that drop.")
@canaries_option
@click.option("--seed", default=0, help="Another seed makes another, equally good model.")
@click.option("--cores", type=_FROM_0, default=0, help="Cores to use.  [default: all]")
@click.option("--on", "executor", default="local", show_default=True, help="Where: local, ray, slurm or kubernetes.")
@processes_option
@parallel_option
@overlap_option
@click.option("--forecast", is_flag=True, help="First run pilots to say how it will end; stop when it goes worse.")
@click.option("--replan", is_flag=True, help="Measure this machine and plan anew instead of keeping the plan.")
@click.option("--dry-run", is_flag=True, help="Show the graph and the plan; spend nothing.")
@click.option("--write-recipe", "recipe_path", type=click.Path(), help="Also write the graph as a recipe file.")
@shared
@detachable
def build(paths: tuple[str, ...], name: str, home_path: str, as_json: bool, debug: bool, **options: Any) -> None:
    """Build a model of your own from PATH...: folders, files or globs.

    Reads txt, md, html, code, csv, jsonl, pdf, docx and more; finds repeats; keeps some documents aside to measure the
    result; learns a tokenizer; trains; evaluates; registers NAME.
    """
    home = home_at(home_path)
    choices, allowance = _choices(options), read_allowance(options["stop_at"], options["prices"])
    sources = _sources(paths, options["sources_path"])
    steps = quickstart(_model_name(name), _read_once(paths, choices), choices, sources)
    # What is wrong with the words typed is said before a document is opened.
    check(budget_of(steps))
    for step in steps:
        check_name(step.artifact)
    if options["recipe_path"]:
        _write_recipe(Path(options["recipe_path"]), steps)
    snapshot = together({name: take_snapshot(source, home) for name, source in steps[0].sources.items()})
    if options["dry_run"]:
        print_preview(steps, snapshot, preview_plan(steps, snapshot, home), as_json)
        return
    needed = _disk_needed(steps, snapshot, home)
    before = home.versions(name)
    redo = frozenset({"probe", "plan"} if options["replan"] else ())
    with open_display(as_json, title=f"Building {name}") as display:
        free = as_size(free_bytes(home.path))
        files = f"{len(snapshot.items)} files, {as_size(snapshot.bytes)}"
        display.say(f"{files}; needs {needed} of disk, {free} are free")
        executor = options["executor"]
        beside = overlaps(options["overlap"], executor)
        divided = divided_among(options["processes"], options["parallel"])
        settings = Options(executor, options["cores"], redo, command_line(), beside, *divided, allowance)
        outcome = run(steps, home, settings, [display.show])
    print_summary(outcome, before, home_words(home_path), as_json)


def _sources(paths: Sequence[str], path: Path | None) -> dict[str, Source]:
    if path is None and not paths:
        raise UsageError(
            "there is nothing to read", where="PATH", fix="name a folder or file of documents, or give --sources FILE"
        )
    sources = {} if path is None else read_sources(path)
    if paths and "documents" in sources:
        fix = "give that source another name"
        raise UsageError("a source is named 'documents', as PATH... is", where=str(path), fix=fix)
    return sources


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


def _read_once(paths: Sequence[str], choices: Choices) -> tuple[str, ...]:
    kept, left_out = read_once(paths, (*folder.Config(()).exclude, *choices.exclude))
    for owner, named in left_out.items():
        more = f" and {len(named) - _SHOWN_PATHS} more" if len(named) > _SHOWN_PATHS else ""
        click.echo(f"note: read once, as part of {owner}: {', '.join(named[:_SHOWN_PATHS])}{more}", err=True)
    return kept


def _choices(options: Mapping[str, Any]) -> Choices:
    return Choices(
        **read_budget(options),
        exclude=tuple(options["exclude"]),
        curation=_curation(options["curation_path"]),
        canaries=options["canaries"] == "on",
        **{key: options[key] for key in ("vocabulary", "width", "layers", "layout", "seed", "forecast")},
    )


def _curation(path: Path | None) -> CurateConfig:
    if path is None:
        return CurateConfig()
    config = read_config(path, CurateConfig)
    check_inputs(config.filters, ())
    return config


def _disk_needed(steps: Sequence[Step], snapshot: Snapshot, home: Home) -> str:
    """Return the disk the build will need, in words. Raises SpaceError when that is more than is free."""
    try:
        needed, about = int(preview_plan(steps, snapshot, home)["disk_bytes"]), "about"
    except InputError:
        # File sizes alone cannot refuse a build: a small compressed file may hold much text. The plan step decides.
        needed, about = least_disk_bytes(snapshot.bytes, budget_of(steps)), "at least"
    free = free_bytes(home.path)
    if needed > free:
        raise SpaceError(
            f"this build needs {about} {as_size(needed)} of disk and {as_size(free)} are free",
            where=str(home.path),
            fix="free some space (`ingot gc` says what it could remove) or choose another disk with --home FOLDER",
        )
    return f"{about} {as_size(needed)}"
