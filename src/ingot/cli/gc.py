"""`ingot gc`: say what could be removed and what that would free; remove it only when asked."""

from __future__ import annotations

import json

import click

from ingot.cli.options import shared
from ingot.cli.show.tables import print_table
from ingot.cli.wire import home_at
from ingot.core.storage import as_size
from ingot.flow.gc import find_garbage, remove


@click.command()
@click.option("--delete", is_flag=True, help="Remove what is listed.")
@shared
def gc(delete: bool, home_path: str, as_json: bool, debug: bool) -> None:
    """Say what could be removed; with --delete remove it.

    Models, the newest version of everything, and all they were made from are always kept.
    """
    home = home_at(home_path)
    garbage = find_garbage(home)
    total = sum(piece.bytes for piece in garbage)
    if as_json:
        pieces = [{"what": piece.what, "reason": piece.reason, "bytes": piece.bytes} for piece in garbage]
        click.echo(json.dumps({"garbage": pieces, "bytes": total, "deleted": delete}, indent=1))
    elif not garbage:
        click.echo("Nothing to remove.")
    else:
        print_table(("what", "size", "why"), [(piece.what, as_size(piece.bytes), piece.reason) for piece in garbage])
        click.echo(f"\n{as_size(total)} {'freed' if delete else 'would be freed; remove it with: ingot gc --delete'}")
    if delete:
        for piece in garbage:
            if not remove(home, piece):
                click.echo(f"kept {piece.what}: a build has begun to use it", err=True)
