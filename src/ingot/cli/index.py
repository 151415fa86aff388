"""`ingot index`: make documents searchable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ingot.cli.lookup import made_from
from ingot.cli.options import shared
from ingot.cli.paths import read_once
from ingot.cli.show.display import open_display
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.wire import command_line, home_at, home_words
from ingot.core.errors import InputError, UsageError
from ingot.core.storage import as_size
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home, check_name
from ingot.flow.runner import Options, run
from ingot.flow.step import Step
from ingot.recipes.retrieve import Given, index, index_files
from ingot.retrieve.config import IndexConfig

_KINDS = ("Dataset", "Documents")
_SUFFIXES = ("-dataset", "-documents", "-checkpoint")


@click.command("index")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--embedder", metavar="MODEL", help="Search by meaning too, with a model that makes vectors.")
@click.option("--passage-bytes", type=click.IntRange(min=64), help="The longest passage.  [default: 1200]")
@click.option("--name", help="What to call the index.  [default: SOURCE-index; needed for files]")
@click.option("--cores", type=click.IntRange(min=0), default=0, help="Cores to use.  [default: all]")
@shared
def index_documents(
    sources: tuple[str, ...], home_path: str, as_json: bool, debug: bool, cores: int, **options: Any
) -> None:
    """Make the documents of SOURCE searchable: files and folders, or a dataset or a model, whose dataset is meant.

    Documents are cut into passages, which are found by their words and, with --embedder, by their meaning. Nothing
    leaves this machine. `ingot find` asks the index.
    """
    home = home_at(home_path)
    config = IndexConfig(**({"passage_bytes": options["passage_bytes"]} if options["passage_bytes"] else {}))
    embedder = home.get(options["embedder"]) if options["embedder"] else None
    step, given = _steps(home, home_path, sources, options["name"], config, embedder)
    with open_display(as_json, title=f"Indexing {', '.join(sources)}") as display:
        outcome = run([step], home, Options(cores=cores, command=command_line()), [display.show], given)
    made = outcome.artifacts[step.name]
    if as_json:
        print_json_lines([{"kind": "summary", "artifact": made.reference, "folder": str(made.path), **made.facts}])
        return
    facts = made.facts
    of = f"{facts['documents']:,} documents, {as_size(facts['bytes'])}"
    click.echo(f"{made.reference}: {facts['passages']:,} passages of {of}")
    if "vectors" not in facts["rankers"]:
        click.echo("Found by their words alone: no model that makes vectors was given (--embedder).")
    click.echo(f'next: ingot find {made.name} "a question"{home_words(home_path)}')


def _steps(
    home: Home,
    home_path: str,
    sources: tuple[str, ...],
    name: str | None,
    config: IndexConfig,
    embedder: Artifact | None,
) -> tuple[Step, Given]:
    if any(_is_path(home, source) for source in sources):
        if name is None:
            raise UsageError("the index has no name", where="ingot index", fix="give one: --name handbook-index")
        paths, _ = read_once(sources, ())
        return index_files(check_name(name), paths, config, embedder)
    if len(sources) > 1:
        raise UsageError(
            f"{len(sources)} datasets cannot become one index",
            where="ingot index",
            fix="name one of them, or the folders of documents that they were made from",
        )
    found = home.get(sources[0])
    dataset = found if found.kind in _KINDS else made_from(sources[0], home_path, "Dataset")
    return index(check_name(name or f"{_stem(found)}-index"), dataset, config, embedder)


def _is_path(home: Home, source: str) -> bool:
    """Say whether a file or folder is meant: what the home knows by this name comes first."""
    is_known = not set("/\\.") & set(source) and bool(home.versions(source.partition("@")[0]))
    if not is_known and Path(source).expanduser().exists():
        return True
    if not is_known and set("/\\") & set(source):
        raise InputError("there is no such file or folder", where=source, fix="check the path")
    return False


def _stem(found: Artifact) -> str:
    return next((found.name.removesuffix(end) for end in _SUFFIXES if found.name.endswith(end)), found.name)
