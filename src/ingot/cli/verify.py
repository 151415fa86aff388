"""`ingot verify`: is a model, or an export, still what was evaluated and certified?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.wire import home_at
from ingot.core.errors import InputError, UsageError
from ingot.core.hardware import usable_cores
from ingot.flow.artifact import RECORD_FILE, Artifact, read_artifact
from ingot.flow.home import Home
from ingot.flow.lineage import descendants
from ingot.infer.config import ExportConfig
from ingot.infer.verifying import Finding, folder_of, verify

_EXPORT = "Export"


@click.command("verify")
@click.argument("name")
@click.option("--again", is_flag=True, help="Measure exports again, with the programs of this machine.")
@shared
def verify_command(name: str, again: bool, home_path: str, as_json: bool, debug: bool) -> None:
    """Check the files of NAME against their record and certificate: a model, an export, or a folder with one.

    A model's exports are checked with it. Ends with 3 when anything is not as it was.
    """
    home = home_at(home_path)
    found: list[tuple[str, Finding]] = []
    for title, folder in _places(home, name):
        model = _model_of(home, folder)
        found += [(title, finding) for finding in verify(folder, model)]
        if again and (folder / RECORD_FILE).is_file() and read_artifact(folder).kind == _EXPORT:
            found.append((title, _measured_again(home, folder, model)))
    if as_json:
        print_json_lines([{"kind": "finding", "of": title, **asdict(finding)} for title, finding in found])
    else:
        rows = [(title, one.what, "yes" if one.holds else "NO", one.details or "-") for title, one in found]
        print_table(("of", "what", "holds", "details"), rows)
    wrong = [title for title, finding in found if not finding.holds]
    if wrong:
        raise InputError(
            f"{', '.join(dict.fromkeys(wrong))} is not what was certified",
            where=str(home.path),
            why="the files are not the ones that were measured, or they do not answer as they did",
            fix="export or build it again, and use nothing of these files until then",
        )


def _places(home: Home, name: str) -> Iterator[tuple[str, Path]]:
    path = Path(name).expanduser()
    if path.exists() and (path.is_absolute() or "/" in name or name.partition("@")[0] not in home.names()):
        yield name, folder_of(path)
        return
    if path.is_absolute() or "/" in name:
        fix = "name a folder or file that is there, or a model of this home: `ingot models` lists them"
        raise UsageError("there is nothing at this path", where=name, fix=fix)
    artifact = home.get(name)
    yield artifact.reference, artifact.path
    for other in descendants(artifact, home.all()):
        if other.kind == _EXPORT:
            yield other.reference, other.path


def _model_of(home: Home, folder: Path) -> Artifact | None:
    """Return the model an export was made from, if it is in this home."""
    if not (folder / RECORD_FILE).is_file():
        return None
    record = read_artifact(folder).record
    return _found(home, record.inputs.get("model", "")) if record.kind == _EXPORT else None


def _found(home: Home, reference: str) -> Artifact | None:
    try:
        return home.get(reference) if reference else None
    except UsageError:
        return None


def _measured_again(home: Home, folder: Path, model: Artifact | None) -> Finding:
    from ingot.infer.exporting import examination, examine, exporter
    from ingot.infer.reader import open_reader

    what = "it answers like the trained model"
    if model is None:
        return Finding(what, False, "the model it was made from is not in this home")
    record = read_artifact(folder).record
    config = ExportConfig(**record.config)
    dataset = _found(home, record.inputs.get("dataset", ""))
    examined = examine(config, model.path, dataset.path if dataset else None)
    name = exporter(config.to, config.type).other("READER")
    with closing(open_reader(name, folder, usable_cores())) as reader:
        found = examination(config, examined, reader)
    mean = found["log_probabilities"]["mean"]
    return Finding(what, not found["faults"], "; ".join(found["faults"]) or f"{found['reader']}, differs by {mean:.2g}")
