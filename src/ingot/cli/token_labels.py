"""`ingot data labels`: every token of conversations, trained or masked, before anything is spent on training."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingot.cli.lookup import made_from
from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.printable import on_one_line, printable
from ingot.cli.show.tables import print_table
from ingot.cli.wire import home_at
from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact

if TYPE_CHECKING:
    from ingot.data.token_labels import Inspection, Labelled
    from ingot.tokenizer.codec import Codec

_NAMED_PROBLEMS = 10


@click.command()
@click.argument("source")
@click.option("--model", "model_name", help="Whose tokenizer frames a file: a model, checkpoint or tokenizer.")
@click.option("--count", type=click.IntRange(min=0), default=3, show_default=True, help="Conversations to show.")
@click.option("--bad-rows", type=click.Choice(["leave_out", "refuse"]), default="leave_out", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Also write an HTML page that loads nothing.")
@shared
def labels(
    source: str,
    model_name: str | None,
    count: int,
    bad_rows: str,
    out: Path | None,
    home_path: str,
    as_json: bool,
    debug: bool,
) -> None:
    """Show which tokens of SOURCE a model is trained on: a file of conversations, or a name whose shards are meant.

    Trained is what the assistant says and the token that ends its turn: bold, underlined and between brackets. Rows
    that cannot be learned from are named; `--bad-rows refuse` makes them an error. A set of which nothing is learned,
    or in which no turn ends, always is one.

    \b
    ingot data labels talks.jsonl --model acme
    ingot data labels acme-chat --count 1
    """
    from ingot.data.report import saving
    from ingot.data.token_labels import as_data, refuse_unlearnable, summary
    from ingot.data.token_labels_page import render

    if out is not None:
        saving.check_place(out)
    found, codec = _inspected(source, model_name, count, home_path)
    if as_json:
        print_json_lines([{"kind": "summary", "source": source, **summary(found)}])
        print_json_lines({"kind": "conversation", **as_data(one, codec)} for one in found.shown)
        print_json_lines({"kind": "problem", **asdict(each)} for each in found.problems)
    else:
        for one in found.shown:
            _print_tokens(one, codec)
        _print_totals(found)
    if out is not None:
        saving.save(out, render(found, source, codec, datetime.now(UTC).date().isoformat()))
        if not as_json:
            click.echo(f"\n{out}")
    refuse_unlearnable(found, source)
    if bad_rows == "refuse":
        _refuse_problems(found, source)


def _inspected(source: str, model_name: str | None, count: int, home_path: str) -> tuple[Inspection, Codec]:
    from ingot.data.token_labels import inspect_file, inspect_shards
    from ingot.tokenizer.codec import Codec

    if model_name is None and Path(source).is_file():
        raise UsageError(
            "nobody said which tokenizer frames the file",
            where=source,
            fix="add --model NAME: the model that is to learn from it (`ingot artifacts` lists what there is)",
        )
    if model_name is None:
        shards = made_from(source, home_path, "Shards")
        codec = Codec.load(_tokenizer_of(source, home_path).path)
        return inspect_shards(shards.path, codec, count), codec
    if not Path(source).is_file():
        raise UsageError("there is no such file", where=source, fix="name a file of JSON Lines, or leave --model out")
    codec = Codec.load(_tokenizer_of(model_name, home_path).path)
    return inspect_file(Path(source), codec, count, _context(home_at(home_path).get(model_name))), codec


def _tokenizer_of(name: str, home_path: str) -> Artifact:
    """Return what has the tokenizer of a name: the thing itself, where it brings its own, or what it was made with."""
    artifact = home_at(home_path).get(name)
    return artifact if (artifact.path / "tokenizer.json").exists() else made_from(name, home_path, "Tokenizer")


def _context(artifact: Artifact) -> int:
    """Return how many tokens a model reads; 0 where its record does not say."""
    sizes = artifact.facts.get("model")
    return int(sizes.get("context", 0)) if isinstance(sizes, dict) else 0


def _print_tokens(one: Labelled, codec: Codec) -> None:
    """Print a conversation: what is trained in brackets, bold and underlined; a stroke between two tokens."""
    from ingot.data.token_labels import token_texts

    has_colour = not os.environ.get("NO_COLOR")
    shown = []
    told = zip(one.trained, token_texts(one.ids, codec), strict=True)
    for is_trained, run in groupby(told, key=lambda pair: pair[0]):
        text = "│".join(printable(text).replace("\n", "↵\n") for _, text in run)
        text = f"⟦{text}⟧" if is_trained else text
        if has_colour:
            text = click.style(text, fg="blue" if is_trained else None, bold=is_trained, underline=is_trained)
        shown.append(text)
    click.echo(f"{printable(one.where)}  {sum(one.trained):,} of {len(one.ids):,} tokens trained\n{''.join(shown)}\n")


def _print_totals(found: Inspection) -> None:
    totals, left_out = found.totals, sum(each.is_left_out for each in found.problems)
    rows = [
        ("conversations", f"{totals.conversations:,}"),
        ("left out", f"{left_out:,}"),
        ("tokens", f"{totals.tokens:,}, {totals.longest:,} in the longest"),
        ("trained", f"{totals.trained:,} ({totals.share:.1%})"),
        ("turns", f"{totals.turns:,}"),
        ("ends of turns trained", f"{totals.ended_turns:,}"),
    ]
    print_table(("what", "is"), rows)
    if found.warning:
        click.echo(f"\n{on_one_line(found.warning)}")
    if found.problems:
        click.echo()
        named = found.problems[:_NAMED_PROBLEMS]
        print_table(
            ("row", "what is wrong", "it is"),
            [(each.where, on_one_line(each.reason), "left out" if each.is_left_out else "kept") for each in named],
        )
        if len(found.problems) > _NAMED_PROBLEMS:
            click.echo(f"{len(found.problems) - _NAMED_PROBLEMS:,} more; --json lists all")


def _refuse_problems(found: Inspection, source: str) -> None:
    first = found.problems[0] if found.problems else None
    if first is None and not found.warning:
        return
    what = f"{len(found.problems):,} rows have something wrong" if first else found.warning
    raise InputError(
        what,
        where=first.where if first else source,
        why=first.reason if first else "a model would learn to ask where it should answer",
        fix="mend or delete them, or leave out --bad-rows refuse to go on with the others",
    )
