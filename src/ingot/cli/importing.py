"""`ingot import`: a model that others made becomes a checkpoint of this home."""

from __future__ import annotations

from pathlib import Path

import click

from ingot.cli.options import shared
from ingot.cli.show.display import open_display
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.wire import command_line, home_at
from ingot.core.errors import InputError
from ingot.flow.home import check_name
from ingot.flow.runner import Options, run
from ingot.recipes.continue_pretrain import import_model

_SHOWN = ("layout", "parameters", "vocabulary", "precision", "missing_tokens", "left_out")


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What to call it; the same name again makes its next version.")
@shared
def import_folder(folder: Path, name: str, home_path: str, as_json: bool, debug: bool) -> None:
    """Take in the model in FOLDER, as Hugging Face lays it out, to go on training it.

    Mistral, Qwen3, Mixtral and Qwen3-MoE models in safetensors, with their tokenizer. Pickles and code are not opened.
    """
    check_name(name)
    if not folder.is_dir():
        fix = "name a folder with config.json and model.safetensors"
        raise InputError("there is no such folder", where=str(folder), fix=fix)
    step = import_model(name, folder)
    with open_display(as_json, title=f"Importing {folder.name}") as display:
        outcome = run([step], home_at(home_path), Options(command=command_line()), [display.show])
    made = outcome.artifacts[step.name]
    if as_json:
        print_json_lines([{"kind": "summary", "artifact": made.reference, **made.facts}])
    else:
        rows = [("artifact", made.reference), *((key, str(made.facts[key])) for key in _SHOWN if made.facts[key])]
        print_table(("what", "is"), rows)
