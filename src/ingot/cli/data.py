"""`ingot data`: look into a dataset, say why a document is where it is, try rules, and remove a document for good.

`label`, `labels` and `tokens` lie in files of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click

from ingot.cli.label import label
from ingot.cli.lookup import dataset_of
from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.printable import printable
from ingot.cli.show.tables import print_table
from ingot.cli.token_labels import labels
from ingot.cli.tokens import tokens
from ingot.cli.wire import home_at
from ingot.core.storage import as_size

_OPENING = 400
_TABLES = click.Choice(["train", "held_out", "dropped"])


@click.group()
def data() -> None:
    """Look into a dataset: its documents, why each is where it is, what rules would drop.

    NAME is a dataset (`acme-dataset`, `acme-dataset@2`) or a model (`acme`), whose dataset is meant.

    \b
    ingot data show acme
    ingot data explain acme handbook/leave.md
    ingot data search acme "notice period"
    """


data.add_command(label)
data.add_command(labels)
data.add_command(tokens)


@data.command()
@click.argument("name")
@shared
def show(name: str, home_path: str, as_json: bool, debug: bool) -> None:
    """Show what the dataset NAME holds: documents, bytes, what was dropped and why, what is unusual."""
    from ingot.data.tombstones import tombstones

    dataset = dataset_of(name, home_path)
    facts, erased = dataset.facts, len(tombstones(dataset.path))
    if as_json:
        print_json_lines([{"dataset": dataset.reference, "path": str(dataset.path), **facts, "erased": erased}])
        return
    click.echo(f"{dataset.reference}  {dataset.path}\n")
    rows = [
        ("documents read", f"{facts['documents_in']:,}", ""),
        ("kept to train on", f"{facts['train_documents']:,}", as_size(facts["train_bytes"])),
        ("held out to judge by", f"{facts['held_out_documents']:,}", as_size(facts["held_out_bytes"])),
        *((f"dropped: {reason}", f"{count:,}", "") for reason, count in facts["dropped_by_reason"].items()),
        *((f"unusual: {flag.replace('_', ' ')}", f"{count:,}", "") for flag, count in facts["flags"].items()),
        *([("erased since it was made", f"{erased:,}", "")] if erased else []),
    ]
    print_table(("what", "documents", "text"), rows)
    click.echo(f"\nnext: ingot data explain {dataset.name} DOCUMENT, or ingot data sample {dataset.name}")


@data.command()
@click.argument("name")
@shared
def stats(name: str, home_path: str, as_json: bool, debug: bool) -> None:
    """Show how every statistic of the dataset NAME is distributed, and how often every word column has each word."""
    from ingot.data.distribution import describe

    found = describe(dataset_of(name, home_path).path)
    if as_json:
        print_json_lines(asdict(each) for each in found)
        return
    numbers = [each for each in found if each.quantiles]
    print_table(
        ("statistic", "parser", "documents", "lowest", "5%", "middle", "95%", "highest"),
        [(each.column, each.parser, f"{each.documents:,}", *map("{:.4g}".format, each.quantiles)) for each in numbers],
    )
    words = [(each.column, word, f"{count:,}") for each in found for word, count in each.words.items()]
    if words:
        click.echo()
        print_table(("column", "value", "documents"), words)


@data.command()
@click.argument("name")
@click.argument("document")
@shared
def explain(name: str, document: str, home_path: str, as_json: bool, debug: bool) -> None:
    """Say why DOCUMENT (an id, a URI or its end) is where it is in the dataset NAME."""
    from ingot.cli.show.explanation import print_explanation
    from ingot.data import explain as explaining

    for found in explaining.explain(dataset_of(name, home_path).path, document):
        if as_json:
            print_json_lines([{**asdict(found), "verdict": found.verdict}])
        else:
            print_explanation(found)


@data.command()
@click.argument("name")
@click.argument("text")
@click.option("--regex", is_flag=True, help="TEXT is a regular expression (RE2).")
@click.option("--in", "tables", type=_TABLES, multiple=True, help="Search only this table; can be repeated.")
@click.option("--most", type=click.IntRange(min=1), default=20, show_default=True, help="Stop after this many.")
@shared
def search(
    name: str, text: str, regex: bool, tables: Sequence[str], most: int, home_path: str, as_json: bool, debug: bool
) -> None:
    """Find documents of the dataset NAME that contain TEXT, in any case."""
    from ingot.data import explore

    hits = explore.search(dataset_of(name, home_path).path, text, tables or explore.TABLES, is_regex=regex)
    count = 0
    for hit in islice(hits, most):
        count += 1
        if as_json:
            print_json_lines([asdict(hit)])
        else:
            click.echo("\n" * (count > 1) + f"{click.style(printable(hit.uri), bold=True)}  {hit.table}")
            before, match, after = (printable(part).replace("\n", " ") for part in (hit.before, hit.match, hit.after))
            click.echo(f"    {before.lstrip()}{click.style(match, reverse=True)}{after.rstrip()}")
    if not count and not as_json:
        click.echo("Nothing found.")


@data.command()
@click.argument("name")
@click.option("--count", type=click.IntRange(min=1), default=3, show_default=True, help="How many documents.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed draws other documents.")
@click.option("--in", "table", type=_TABLES, default="train", show_default=True, help="Which table.")
@shared
def sample(name: str, count: int, seed: int, table: str, home_path: str, as_json: bool, debug: bool) -> None:
    """Show some documents of the dataset NAME, drawn at random."""
    from ingot.data import explore

    for row in explore.sample(dataset_of(name, home_path).path, count, seed, (table,)):
        if as_json:
            print_json_lines([row])
            continue
        text = row["text"]
        click.echo(click.style(f"{printable(row['uri'])}  ({row['doc_id']}, {as_size(len(text.encode()))})", bold=True))
        click.echo(printable(text[:_OPENING]) + ("..." if len(text) > _OPENING else "") + "\n")


@data.command()
@click.argument("before")
@click.argument("after")
@shared
def diff(before: str, after: str, home_path: str, as_json: bool, debug: bool) -> None:
    """Say which documents are new, gone, changed or elsewhere in the dataset AFTER, compared with BEFORE."""
    from ingot.data import explore

    found = explore.diff(dataset_of(before, home_path).path, dataset_of(after, home_path).path)
    if as_json:
        print_json_lines([asdict(found)])
        return
    rows = [
        *(("added", place, "") for place in found.added),
        *(("removed", place, "") for place in found.removed),
        *(("changed", place, "") for place in found.changed),
        *(("moved", place, f"{old} -> {new}") for place, old, new in found.moved),
    ]
    if rows:
        print_table(("what", "document", ""), rows)
    else:
        click.echo("The same documents, with the same texts, in the same tables.")


@data.command()
@click.argument("name")
@click.argument("rules", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--examples", type=click.IntRange(min=0), default=3, show_default=True, help="Documents to show a rule.")
@shared
def rules(name: str, rules: Path, examples: int, home_path: str, as_json: bool, debug: bool) -> None:
    """Try the rules of the YAML file RULES on the dataset NAME: what each would drop, with examples. Drops nothing."""
    from ingot.data.trying import read_rules, try_rules

    found = try_rules(dataset_of(name, home_path).path, read_rules(rules), examples)
    if as_json:
        print_json_lines(asdict(each) for each in found)
        return
    for each in found:
        click.echo(
            click.style(each.rule, bold=True) + f"  would drop {each.documents:,} documents, {as_size(each.bytes)}"
            f" ({each.share:.1%} of the text), {each.alone:,} of them by this rule alone"
        )
        for example in each.examples:
            value = f"{each.column} = {_as_value(example.value)}"
            click.echo(f"  {printable(example.uri)}  {value}\n    {printable(example.opening)}")


@data.command()
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write it.  [default: NAME-data.html here]")
@shared
def report(name: str, out: Path | None, home_path: str, as_json: bool, debug: bool) -> None:
    """Write a report on the dataset NAME: one HTML page that loads nothing from anywhere.

    Where its documents come from and under which terms, what was lost on the way and why, personal data, languages,
    quality, repeats, changes, erased documents, and how to make it again.
    """
    from ingot.data.report import page, saving

    dataset = dataset_of(name, home_path)
    path = out or Path(f"{name}-data.html")
    saving.check_place(path)
    html = page.render(home_at(home_path), dataset, datetime.now(UTC).date())
    saving.save(path, html)
    if as_json:
        print_json_lines([{"dataset": dataset.reference, "report": str(path), "bytes": len(html.encode())}])
        return
    click.echo(f"{path}  {as_size(len(html.encode()))}, on {dataset.reference}")


@data.command()
@click.argument("document")
@click.option("--reason", default="", help="Why it is erased; kept with its tombstone.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@shared
def forget(document: str, reason: str, yes: bool, home_path: str, as_json: bool, debug: bool) -> None:
    """Erase DOCUMENT (an id, a URI or its end) from every dataset here, and name the models that were made from it.

    Its text is gone from the disk afterwards, as far as this home goes: erase it at its source too, or the next build
    reads it again.
    """
    from ingot.data.erasure import erase, whole_name

    document = whole_name(home_at(home_path), document)
    if not (yes or as_json):
        click.confirm(
            f"Erase {document} from everything in {home_at(home_path).path}? This cannot be undone", abort=True
        )
    found = erase(home_at(home_path), document, datetime.now(UTC).date().isoformat(), reason)
    if as_json:
        print_json_lines([asdict(found)])
        return
    click.echo(f"erased: {', '.join(found.doc_ids)}")
    for reference, shards in found.rewritten.items():
        click.echo(f"  {reference}: " + (f"shards {', '.join(shards)} written anew" if shards else "nothing was left"))
    if found.repeats:
        click.echo("the same text, or nearly, stands in these too; they were left:")
        for uri in found.repeats:
            click.echo(f"  {uri}")
    if found.learned_from_it:
        click.echo("made from it before, and not changed by this; train again without it, or withdraw:")
        for reference in found.learned_from_it:
            click.echo(f"  {reference}")


def _as_value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
