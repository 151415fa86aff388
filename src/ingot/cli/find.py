"""`ingot find`: the passages of an index that answer a question."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from pathlib import Path

import click

from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.printable import on_one_line
from ingot.cli.wire import home_at
from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.retrieve.rerank import Reranker
from ingot.retrieve.search import Passage, open_index

_READERS = ("Model", "Checkpoint")
_SHOWN_BYTES, _WIDTH = 400, 100


@click.command()
@click.argument("index")
@click.argument("question")
@click.option("--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="So many passages at most.")
@click.option("--reader", metavar="MODEL", help="Let this model put the first 20 passages in order again.")
@click.option("--whole", is_flag=True, help="Print passages to their end.")
@shared
def find(
    index: str,
    question: str,
    count: int,
    reader: str | None,
    whole: bool,
    home_path: str,
    as_json: bool,
    debug: bool,
) -> None:
    """Find the passages of INDEX that answer QUESTION, best first, with their documents.

    INDEX is what `ingot index` made, or a model or dataset, whose newest index is meant.
    """
    if not question.strip():
        raise UsageError("the question is empty", where="ingot find", fix='ask one: ingot find acme "a question"')
    home = home_at(home_path)
    made = index_of(home, index)
    opened = open_index(made.path, _reranker(home, reader))
    try:
        found = opened.search(question, count)
    finally:
        opened.close()
    if as_json:
        print_json_lines([{"place": place, **asdict(each)} for place, each in enumerate(found, start=1)])
        return
    if not found:
        click.echo(f"No passage of {made.reference} shares a word with the question.")
    for place, each in enumerate(found, start=1):
        _print(place, each, whole)


def index_of(home: Home, name: str) -> Artifact:
    """Return the index a name means: itself, or the newest one made of it, or of the dataset it was made from."""
    from ingot.flow.lineage import ancestors

    named = home.get(name)
    if named.kind == "Index":
        return named
    above = {one.reference for one in ancestors(home, named) if one.kind in ("Dataset", "Documents")}
    made = [one for one in home.all() if one.kind == "Index" and above & set(one.record.inputs.values())]
    if not made:
        raise InputError(
            f"there is no index of {named.reference}",
            where=str(home.path),
            fix=f"make one: ingot index {named.name}",
        )
    return max(made, key=lambda one: (one.record.finished, one.version))


def _reranker(home: Home, reader: str | None) -> Reranker | None:
    if reader is None:
        return None
    # Imported here: a question that only words answer needs no torch.
    from ingot.evaluate.reading import query_likelihood

    model = home.get(reader)
    if model.kind not in _READERS:
        raise InputError(
            f"{model.reference} is of the kind {model.kind}, which reads nothing",
            where="--reader",
            fix="name a model (`ingot models`)",
        )
    return query_likelihood(model.path)


def _print(place: int, found: Passage, whole: bool) -> None:
    scores = ", ".join(f"{name} {score:.3g}" for name, score in found.scores.items())
    heading = click.style(on_one_line(f"{place}. {_name(found.uri)}"), bold=True)
    click.echo(f"{heading}  bytes {found.start}-{found.end}  {scores}")
    text = on_one_line(found.text)
    shown = text if whole or len(text) <= _SHOWN_BYTES else f"{text[: _SHOWN_BYTES - 3]}..."
    click.echo(textwrap.indent(textwrap.fill(shown, _WIDTH), "   ") + "\n")


def _name(uri: str) -> str:
    """Return a path as it is shorter to read, where it lies below this folder."""
    path = Path(uri.removeprefix("file://"))
    return str(path.relative_to(Path.cwd())) if path.is_absolute() and path.is_relative_to(Path.cwd()) else uri
