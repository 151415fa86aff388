"""`ingot data label`: say of some documents whether they are good, for a classifier to learn from.

Keys are read one at a time from a terminal, and the same letters from a pipe, so that a script or a test is a person
like any other.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingot.cli.lookup import dataset_of
from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.printable import printable
from ingot.core.storage import as_size

if TYPE_CHECKING:
    from ingot.data.labelling import LabelFile, Labelling, Shown

_LEGEND = "g good   b bad   s skip   u undo   q quit"
_SKIP, _UNDO, _QUIT = "s", "u", "q"


@click.command()
@click.argument("name")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The labels.  [default: NAME-labels.jsonl here]"
)
@click.option("--count", type=click.IntRange(min=1), default=50, show_default=True, help="Labels wanted in all.")
@click.option(
    "--characters", type=click.IntRange(min=80), default=1600, show_default=True, help="Of a long text, show so many."
)
@shared
def label(name: str, out: Path | None, count: int, characters: int, home_path: str, as_json: bool, debug: bool) -> None:
    """Label documents of the dataset NAME as good or bad, for the step train_classifier.

    They come drawn by lot, one at a time; a long one as excerpts. Keys: g good, b bad, s skip, u undo, q quit. What was
    said is kept at once, and the same command goes on where it was left.
    """
    from ingot.data.labelling import LabelFile, Labelling

    dataset = dataset_of(name, home_path)
    labels = LabelFile(out or Path(f"{name.partition('@')[0]}-labels.jsonl"))
    _Session(Labelling(dataset.path, labels, characters), labels, count, as_json).run()


class _Session:
    """Shows a document, waits for a key, does what it says, until there are enough labels or no more documents."""

    def __init__(self, labelling: Labelling, labels: LabelFile, count: int, as_json: bool) -> None:
        self._labelling, self._labels, self._count, self._as_json = labelling, labels, count, as_json

    def run(self) -> None:
        keys = _keys()
        while self._labels.labels < self._count and (shown := self._labelling.current()) is not None:
            self._show(shown)
            if not self._answer(shown, keys):
                break
        self._sum_up()

    def _answer(self, shown: Shown, keys: Iterator[str]) -> bool:
        """Do what the next key that means something says; return whether to go on."""
        from ingot.data.labelling import BAD, GOOD

        said: dict[str, str | None] = {"g": GOOD, "b": BAD, _SKIP: None}
        for key in keys:
            if key in said:
                self._labelling.say(said[key])
                self._tell("label", said[key] or "skipped", doc_id=shown.doc_id, label=said[key])
                return True
            if key == _UNDO:
                is_undone = self._labelling.undo()
                self._tell("undo", "taken back" if is_undone else "there is nothing to undo", is_undone=is_undone)
                return True
            if key == _QUIT:
                return False
            self._tell("note", f"{printable(key)!r} means nothing here: {_LEGEND}", text=f"the keys are: {_LEGEND}")
        return False

    def _show(self, shown: Shown) -> None:
        number = self._labels.labels + 1
        if self._as_json:
            print_json_lines([{"kind": "document", "number": number, "of": self._count, **asdict(shown)}])
            return
        heading = f"{number} of {self._count}  {printable(shown.uri)}  ({as_size(shown.bytes)})"
        click.echo(click.style(heading, bold=True))
        click.echo(f"\n{printable(shown.text).strip()}\n")
        click.echo(click.style(_LEGEND, dim=True))

    def _tell(self, kind: str, words: str, **fields: object) -> None:
        if self._as_json:
            print_json_lines([{"kind": kind, **fields}])
        else:
            click.echo(f"{words}\n")

    def _sum_up(self) -> None:
        counts, path = self._labels.counts, self._labels.path
        is_complete = self._labels.labels >= self._count
        if self._as_json:
            print_json_lines([{"kind": "summary", "file": str(path), "is_complete": is_complete, **counts}])
            return
        click.echo(", ".join(f"{number} {word}" for word, number in counts.items()) + f" in {path}")
        for line in _what_next(counts, is_complete, self._labelling.current() is None):
            click.echo(line)


def _what_next(counts: dict[str, int], is_complete: bool, is_all: bool) -> Iterator[str]:
    from ingot.data.classifier_training import LEAST_OF_EACH
    from ingot.data.labelling import BAD, GOOD

    if is_all and not is_complete:
        yield "That were all documents of the dataset."
    elif not is_complete:
        yield "The same command goes on from here."
    if min(counts[GOOD], counts[BAD]) < LEAST_OF_EACH:
        yield f"A classifier needs at least {LEAST_OF_EACH} good and {LEAST_OF_EACH} bad ones: raise --count to go on."


def _keys() -> Iterator[str]:
    """Yield keys as they are pressed, or the letters of what standard input is."""
    if not sys.stdin.isatty():
        while key := sys.stdin.read(1):
            if not key.isspace():
                yield key.lower()
        return
    while True:
        try:
            yield click.getchar().lower()
        except EOFError:
            return
