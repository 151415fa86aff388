"""How a gate looks as text: the verdict, a line for each requirement with its reason, and what to do to be sure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import click

from ingot.cli.show.printable import on_one_line
from ingot.flow.artifact import Artifact

_STYLES = {"pass": "green", "fail": "red", "unsure": "yellow"}
_WIDTH = 100


def print_gate(made: Artifact) -> None:
    """Print the verdict and how it came about."""
    facts = made.facts
    against = f"against {facts['against']}" if facts["against"] else "with no version in use"
    click.echo(f"{_word(facts['verdict'])}  {facts['model']} {against}")
    kind = ""
    for each in facts["requirements"]:
        if each["kind"] != kind:
            kind = each["kind"]
            click.echo(f"\n{click.style(kind, bold=True)}")
        _print_requirement(each)
    if not facts["requirements"]:
        click.echo("\nNo requirement could be asked.")
    if facts["not_asked"]:
        click.echo(f"\n{click.style('not asked', bold=True)}")
        for each in facts["not_asked"]:
            ask = f" (ask it: {each['fix']})" if each["fix"].startswith("ingot ") else ""
            _print_wrapped(f"{each['kind']}, {each['demands']}: {each['why']}{ask}", "  ")
    fixes = dict.fromkeys(each["fix"] for each in facts["requirements"] if each.get("fix"))
    if fixes:
        click.echo(f"\n{click.style('to be sure', bold=True)}")
        for fix in fixes:
            click.echo(f"  {on_one_line(fix)}")
    click.echo("")
    _print_wrapped(facts["errors"], "")
    click.echo(f"all figures: {made.path / 'verdict.json'}")


def _print_requirement(each: Mapping[str, Any]) -> None:
    word = _word(each["verdict"]) + " " * (len("unsure") - len(each["verdict"]))
    click.echo(f"  {word}  {on_one_line(each['demands'])}")
    _print_wrapped(each["reason"], " " * 10)


def _print_wrapped(text: str, indent: str) -> None:
    click.echo(textwrap.fill(on_one_line(text), _WIDTH, initial_indent=indent, subsequent_indent=indent))


def _word(verdict: str) -> str:
    return click.style(verdict, fg=_STYLES[verdict], bold=True)
