"""`ingot audit`: what a model knows by heart of the text it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ingot.cli.options import shared
from ingot.cli.show.display import open_display
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.wire import command_line, home_at
from ingot.evaluate.config import AuditConfig
from ingot.flow.artifact import Artifact
from ingot.flow.runner import Options, run
from ingot.recipes.audit import audit as audit_step


@click.command()
@click.argument("model")
@click.option("--samples", type=click.IntRange(min=1), help="Texts it writes, to look for personal data in.")
@click.option("--passages", type=click.IntRange(min=1), help="Passages of training text it is to go on with.")
@click.option("--cores", type=click.IntRange(min=0), default=0, help="Cores to use.  [default: all]")
@click.option("--seed", default=0, help="Another seed draws other passages and other texts.")
@shared
def audit(model: str, home_path: str, as_json: bool, debug: bool, cores: int, **options: Any) -> None:
    """Say what MODEL knows by heart: canaries in its training text, passages of it, personal data.

    Every build ends with this; here it is done for a model that exists, or again with more texts and passages. The text
    it was trained on must be in the home. The result lies there as MODEL-audit.
    """
    home = home_at(home_path)
    found = home.get(model)
    config = AuditConfig(**{name: value for name, value in options.items() if value is not None})
    step, given = audit_step(found, home, config)
    with open_display(as_json, title=f"Auditing {found.reference}") as display:
        outcome = run([step], home, Options(cores=cores, command=command_line()), [display.show], given)
    made = outcome.artifacts[step.name]
    if as_json:
        print_json_lines([{"kind": "summary", "artifact": made.reference, "folder": str(made.path), **made.facts}])
    else:
        print_audit(made)


def print_audit(made: Artifact) -> None:
    """Print the verdict, its reasons, and how the canaries fared."""
    facts = made.facts
    click.echo(click.style(f"{facts['verdict']}\n", bold=True))
    for reason in facts["reasons"]:
        click.echo(f"- {reason}")
    if facts["canaries"]:
        click.echo("")
        heading = ("in the text", "canaries", "said word for word", "recognised", "exposure, bits", "95% interval")
        print_table(heading, [_row(repeats, level) for repeats, level in facts["canaries"].items()])
        of = f"{facts['controls']:,} canaries it never read"
        click.echo(
            f"\nThe alarm rang on {facts['false_alarms']:.1%} of {of} (at most {facts['false_alarms_at_most']:.1%})."
        )
    click.echo(f"every canary: {made.path / 'canaries.jsonl'}")


def _row(repeats: str, level: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = level["interval"]
    often = "once" if repeats == "1" else f"{repeats} times"
    counts = (str(level[name]) for name in ("inserted", "extracted", "recognised"))
    return often, *counts, f"{level['exposure']:.2f}", f"{low:.2f} to {high:.2f}"
