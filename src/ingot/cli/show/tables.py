"""Plain tables: columns as wide as their content, no boxes, the same text on a terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ingot.cli.show.printable import on_one_line


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under headings, left-aligned, each on one line whatever its cells hold."""
    rows = [[on_one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    click.echo(click.style(_line(headings, widths), bold=True))
    for row in rows:
        click.echo(_line(row, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
