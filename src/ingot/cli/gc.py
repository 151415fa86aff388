"""`ingot gc`: say what could be removed and what that would free; remove it only when asked."""

from __future__ import annotations

from typing import Any

import click

from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.wire import home_at
from ingot.core.storage import as_size
from ingot.flow.gc import Garbage, find_garbage, remove


@click.command()
@click.option("--delete", is_flag=True, help="Remove what is listed.")
@shared
def gc(delete: bool, home_path: str, as_json: bool, debug: bool) -> None:
    """Say what could be removed; with --delete remove it.

    Models, the newest version of everything, and all they were made from are always kept.
    """
    home = home_at(home_path)
    garbage = find_garbage(home)
    removed = [piece for piece in garbage if delete and remove(home, piece)]
    if as_json:
        print_json_lines(_record(piece, piece in removed) for piece in garbage)
    elif not garbage:
        click.echo("Nothing to remove.")
    else:
        print_table(("what", "size", "why"), [(piece.what, as_size(piece.bytes), piece.reason) for piece in garbage])
        total = as_size(sum(piece.bytes for piece in (removed if delete else garbage)))
        click.echo(f"\n{total} {'freed' if delete else 'would be freed; remove it with: ingot gc --delete'}")
    for piece in garbage:
        if delete and piece not in removed:
            click.echo(f"kept {piece.what}: a build has begun to use it", err=True)


def _record(piece: Garbage, is_deleted: bool) -> dict[str, Any]:
    return {"what": piece.what, "reason": piece.reason, "bytes": piece.bytes, "deleted": is_deleted}
