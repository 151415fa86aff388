"""`ingot export`: a model becomes files for other programs, with a certificate that they answer alike."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import click

from ingot.cli.options import shared
from ingot.cli.show.display import open_display
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.wire import command_line, home_at
from ingot.core.errors import InputError, UsageError
from ingot.core.plugins import load
from ingot.core.storage import as_size, folder_bytes, fsync_folder, fsync_tree, remove_tree, room_on_disk
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.lineage import ancestors
from ingot.flow.runner import Options, run
from ingot.infer.config import ExportConfig
from ingot.recipes.export import export as recipe

_KINDS = ("Model", "Checkpoint")


@click.command()
@click.argument("name")
@click.option(
    "--to", required=True, help="What to write: gguf, huggingface, onnx, openvino (`ingot plugins exporter`)."
)
@click.option(
    "--type", "kind", default="", help="Type of the weights: f32, f16, bf16, q8_0, q4_K.  [default: f16 or f32]"
)
@click.option("--out", type=click.Path(path_type=Path), help="Copy the files into this new folder, too.")
@shared
def export(name: str, to: str, kind: str, out: Path | None, home_path: str, as_json: bool, debug: bool) -> None:
    """Write the model NAME for other programs, and certify that it answers there as it was trained.

    The files are opened with the program they are for. Log-probabilities, greedy tokens, the tokenisation of 10 MB of
    text and bits per byte are compared with the trained model; what loses more than its type may is not kept. The
    result lies in the home as NAME-TO-TYPE, and in the folder --out if one is given.
    """
    home = home_at(home_path)
    model, dataset = _model(home, name)
    if out is not None:
        _refuse_taken(out)
    step, given = recipe(model, dataset, ExportConfig(to=to, type=_type(to, kind)))
    with open_display(as_json, title=f"Exporting {model.reference} to {to}") as display:
        outcome = run([step], home, Options(command=command_line()), [display.show], given)
    made = outcome.artifacts[step.name]
    folder = made.path if out is None else deliver(made, out)
    _show(made, folder, as_json)


def _model(home: Home, name: str) -> tuple[Artifact, Artifact | None]:
    """Return what is to be exported, and the dataset it was made from, if that is in this home."""
    model = home.get(name)
    if model.kind not in _KINDS:
        raise InputError(
            f"{model.reference} is a {model.kind}, which cannot be exported",
            where=str(model.path),
            fix="name a model (`ingot models`), or one taken in with `ingot import`",
        )
    datasets = [one for one in ancestors(home, model) if one.kind == "Dataset"]
    return model, datasets[-1] if datasets else None


def _type(to: str, asked: str) -> str:
    """Return the type asked for, or the exporter's own choice. Raises UsageError for what there is not."""
    from ingot.infer.exporting import exporter  # loads torch

    chosen = asked or str(load("exporter", to).config_type().type)
    exporter(to, chosen)
    return chosen


def _refuse_taken(out: Path) -> None:
    if out.exists():
        raise UsageError(
            "there is something at this place already",
            where=str(out),
            why="an export appears whole, under a name that was free",
            fix="name a folder that is not there yet",
        )
    if not out.absolute().parent.is_dir():
        raise UsageError("the folder above does not exist", where=str(out), fix=f"mkdir -p {out.absolute().parent}")


def deliver(made: Artifact, out: Path) -> Path:
    """Copy an artifact to a place that is free: the name appears when everything is on the disk."""
    target = out.absolute()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    remove_tree(temporary)
    try:
        with room_on_disk(target.parent):
            shutil.copytree(made.path, temporary)
            fsync_tree(temporary)
            temporary.rename(target)
            fsync_folder(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _show(made: Artifact, folder: Path, as_json: bool) -> None:
    facts: dict[str, Any] = dict(made.facts)
    if as_json:
        print_json_lines([{"kind": "summary", "artifact": made.reference, "folder": str(folder), **facts}])
        return
    rows = [
        ("artifact", made.reference),
        ("folder", str(folder)),
        ("size", as_size(folder_bytes(folder))),
        ("compared by", facts["reader"]),
        (
            "log-probabilities differ by",
            f"{facts['mean_difference']:.2g} in the mean, {facts['largest_difference']:.2g} at most",
        ),
        ("equal greedy tokens", f"{facts['equal_tokens']} of {facts['tokens']}"),
        ("bits per byte", f"{facts['trained_bits_per_byte']:.4f}, here {facts['delta_bits_per_byte']:+.2g}"),
        ("tokenised alike", as_size(facts["tokenised_bytes"])),
    ]
    print_table(("what", "is"), rows)
    if not facts["control_names_are_text"]:
        click.echo(
            "Note: this program reads names such as <|eos|> in what people write as control tokens. Remove them first."
        )
