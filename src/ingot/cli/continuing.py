"""`ingot continue`: a model that exists, and documents in, a model that knows both out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ingot.cli.budgets import read_allowance, spending_options
from ingot.cli.detached import detachable
from ingot.cli.options import (
    canaries_option,
    divided_among,
    overlap_option,
    overlaps,
    parallel_option,
    processes_option,
    read_duration,
    shared,
)
from ingot.cli.paths import read_once
from ingot.cli.show.display import open_display
from ingot.cli.show.summary import print_summary
from ingot.cli.wire import command_line, home_at, home_words
from ingot.core.errors import UsageError
from ingot.core.storage import write_atomically
from ingot.data.config import CurateConfig
from ingot.data.connectors import folder
from ingot.flow.home import Home, check_name
from ingot.flow.recipe_file import read_config, write_recipe
from ingot.flow.runner import Options, run
from ingot.recipes.continue_pretrain import Choices, continue_pretrain

_FILE = click.Path(dir_okay=False, path_type=Path)
_FROM_0 = click.IntRange(min=0)


@click.command("continue")
@click.argument("model")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--name", required=True, help="What to call the result; the same name again makes its next version.")
@click.option("--old", multiple=True, metavar="PATH", help="Text the model knows, or like it; may be repeated.")
@click.option("--replay", type=click.FloatRange(0, 0.95), default=0.1, show_default=True, help="Share of old text.")
@click.option("--keep", type=click.FloatRange(0, 0.95), default=0.0, help="Share of the old weights in the result.")
@click.option("--readings", type=click.FloatRange(min=0), default=0.0, help="Read the new text so often.  [default: 1]")
@click.option("--time", "time_text", help="Train for so long instead.")
@click.option("--steps", type=_FROM_0, default=0, help="Train for so many steps instead.")
@click.option("--rate", type=click.FloatRange(min=0), default=0.0, help="Learning rate.  [default: the plan chooses]")
@click.option("--vocabulary", type=_FROM_0, default=0, help="Extend its vocabulary to so many.  [default: keep it]")
@click.option("--exclude", multiple=True, metavar="NAME", help="File or folder name to leave out; may be repeated.")
@click.option("--curation", "curation_path", type=_FILE, help="YAML file of transforms, filters and rules that drop.")
@canaries_option
@click.option("--seed", default=0, help="Another seed draws another order.")
@click.option("--cores", type=_FROM_0, default=0, help="Cores to use.  [default: all]")
@click.option("--on", "executor", default="local", show_default=True, help="Where: local, ray, slurm or kubernetes.")
@processes_option
@parallel_option
@overlap_option
@click.option("--replan", is_flag=True, help="Measure this machine and plan anew instead of keeping the plan.")
@click.option("--write-recipe", "recipe_path", type=click.Path(), help="Also write the graph as a recipe file.")
@spending_options
@shared
@detachable
def continue_model(
    model: str, paths: tuple[str, ...], name: str, home_path: str, as_json: bool, debug: bool, **options: Any
) -> None:
    """Go on from MODEL with the documents under PATH....

    MODEL is the name of one of your models, or a folder as Hugging Face lays it out (Mistral, Qwen3, Mixtral or
    Qwen3-MoE). The report says what it learned of the new text and what it forgot of the old.
    """
    home = home_at(home_path)
    choices, allowance = _choices(options), read_allowance(options["stop_at"], options["prices"])
    left_out = (*folder.Config(()).exclude, *choices.exclude)
    new, old = (read_once(given, left_out)[0] if given else () for given in (paths, options["old"]))
    steps = continue_pretrain(name, folder_of(model, home), new, choices, old)
    for step in steps:
        check_name(step.artifact)
    if options["recipe_path"]:
        write_atomically(Path(options["recipe_path"]), write_recipe(steps))
    before = home.versions(name)
    redo = frozenset({"probe", "plan"} if options["replan"] else ())
    with open_display(as_json, title=f"Going on from {model}") as display:
        divided = divided_among(options["processes"], options["parallel"])
        beside = overlaps(options["overlap"], options["executor"])
        settings = Options(options["executor"], options["cores"], redo, command_line(), beside, *divided, allowance)
        outcome = run(steps, home, settings, [display.show])
    print_summary(outcome, before, home_words(home_path), as_json)


def folder_of(model: str, home: Home) -> Path:
    """Return the folder of a model: one on disk, or one of the home."""
    return Path(model) if Path(model).is_dir() else home.get(model).path


def _choices(options: dict[str, Any]) -> Choices:
    given = [name for name in ("time_text", "steps", "readings") if options[name]]
    if len(given) > 1:
        raise UsageError("more than one budget is given", fix="choose one of --time, --steps and --readings")
    curation = options["curation_path"]
    return Choices(
        seconds=read_duration(options["time_text"]) if options["time_text"] else 0.0,
        learning_rate=options["rate"],
        start_share=options["keep"],
        exclude=tuple(options["exclude"]),
        canaries=options["canaries"] == "on",
        curation=read_config(curation, CurateConfig) if curation else CurateConfig(),
        **{key: options[key] for key in ("steps", "readings", "replay", "vocabulary", "seed")},
    )
