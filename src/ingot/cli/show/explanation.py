"""An explanation of a document for a person: what happened to it, and what was found in it, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from ingot.cli.show.printable import printable
from ingot.cli.show.tables import print_table
from ingot.data.meanings import MEANINGS, PERSONAL, group_of, meaning_of

if TYPE_CHECKING:
    from ingot.data.explain import Explanation, Statistic

_SUMS = ("personal_findings", "personal_types")
_HEADINGS = ("", "value", "at or above, of its kind")


def print_explanation(found: Explanation) -> None:
    """Print what is known about a document; of numbers those above zero."""
    row = found.row
    click.echo(click.style(f"{printable(row['uri'])}  ({row['doc_id']})", bold=True))
    click.echo(f"{found.verdict}\n")
    click.echo(f"read by {row['parser']}, bytes {row['byte_start']:,} to {row['byte_end']:,} of its source")
    for change in row["changes"]:
        where = f"bytes {change['start']:,} to {change['end']:,}"
        click.echo(f"changed by {change['transform']}: {change['why']}, {where}, now {change['length']:,} bytes")
    rows: list[tuple[str, str, str]] = []
    for group in MEANINGS:
        statistics = [each for each in found.statistics if group_of(each.column) == group]
        lines = list(_personal(statistics) if group == PERSONAL else _lines(statistics))
        rows += [("", "", ""), (group, "", ""), *lines] if lines else []
    if rows:
        print_table(_HEADINGS, rows)
    click.echo()


def _personal(statistics: Sequence[Statistic]) -> Iterator[tuple[str, str, str]]:
    counted = {each.column: int(each.value) for each in statistics if isinstance(each.value, float)}
    if counted:
        types = sorted(
            (name for name, count in counted.items() if count and name not in _SUMS), key=lambda name: -counted[name]
        )
        yield f"  {', '.join(f'{meaning_of(name)} {counted[name]:,}' for name in types) or 'none found'}", "", ""


def _lines(statistics: Sequence[Statistic]) -> Iterator[tuple[str, str, str]]:
    """Yield the statistics in the order of their meanings: a rule's decision, and below it what it was made by."""
    order = [column for columns in MEANINGS.values() for column in columns]
    by_column = {each.column: each for each in statistics}
    indent = "  "
    for column in sorted(by_column, key=lambda name: order.index(name) if name in order else len(order)):
        each, rule = by_column[column], column.removesuffix("_reason").removeprefix("passes_")
        if column == f"passes_{rule}":
            reason = by_column.get(f"{rule}_reason")
            said = f"refuses it: {reason.value}".replace("_", " ") if reason else "refuses it"
            yield f"  {meaning_of(column)}", "passes" if each.value else said, ""
            indent = "    "
        elif each.value and f"passes_{rule}" not in by_column:
            rank = "" if each.quantile is None else f"{each.quantile:.0%}"
            yield f"{indent}{meaning_of(column)}", _as_words(column, each.value), rank


def _as_words(column: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return printable(str(value))
    if column.endswith("_share"):
        return f"{100 * value:.3g}%"
    return f"{value:,.0f}" if value >= 1000 or value.is_integer() else f"{value:.3g}"
