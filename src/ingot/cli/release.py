"""`ingot release`: which version answers under a name, changed while it is served."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import click

from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.wire import home_at
from ingot.core.config import literals
from ingot.core.errors import UsageError, suggest
from ingot.evaluate.gating.rules import KINDS
from ingot.evaluate.gating.rules_file import read_rules
from ingot.registry.release import TIES, Canary, Release, Tie
from ingot.registry.releasing import Releasing

_EVENTS_SHOWN = 10
_despite_option = click.option(
    "--despite", metavar="REASON", help="Let it answer though no gate was passed, and why; the history keeps it."
)


@click.group()
def release() -> None:
    """Say which version answers under a name; a server that serves it follows within a second.

    NAME is what callers ask for, VERSION a model with its number. A version gets requests only once it has answered a
    few of its own, and the one before it stays open for ten minutes, so that going back is at once.

    \b
    ingot release canary acme acme@4 --share 10%
    ingot release promote acme acme@4
    ingot release rollback acme
    """


@release.command()
@click.argument("name", required=False)
@shared
def show(name: str | None, home_path: str, as_json: bool, debug: bool) -> None:
    """List the names that have a release; with NAME also what was changed, newest last."""
    releases = _releasing(home_path).file.read()
    if name is not None and name not in releases:
        fix = suggest(name, releases) if releases else "it follows the newest version of the model of that name, if any"
        raise UsageError(f"{name!r} has no release", where="NAME", fix=fix)
    found = [releases[name]] if name is not None else list(releases.values())
    if as_json:
        print_json_lines(one.as_fields() for one in found)
    elif not found:
        click.echo("No name has a release yet: each follows the newest version of its model.")
    else:
        headings = ("name", "state", "answers", "canary", "shadow", "before", "failed", "gate")
        print_table(headings, [_row(one) for one in found])
        for event in found[0].history[-_EVENTS_SHOWN:] if name is not None else ():
            click.echo(f"{event.at}  {event.who}: {event.what}")


@release.command()
@click.argument("name")
@click.argument("version")
@_despite_option
@shared
def promote(name: str, version: str, despite: str | None, home_path: str, as_json: bool, debug: bool) -> None:
    """Let VERSION answer under NAME, which may be a new name; an archived one is served again.

    Where NAME demands a gate, VERSION has to have passed it against the version that answers now.
    """
    _told(_releasing(home_path).promote(name, version, despite), as_json)


@release.command()
@click.argument("name")
@click.argument("version")
@click.option("--share", required=True, callback=lambda *given: read_share(given[2]), help="Its share, such as 10%.")
@click.option(
    "--by",
    type=click.Choice(TIES),
    default="conversation",
    show_default=True,
    help="What stays with one version: a conversation, everything a key and the person behind it ask, or nothing.",
)
@click.option(
    "--most-errors",
    default="5%",
    show_default=True,
    callback=lambda *given: read_share(given[2], "--most-errors"),
    help="It is taken back by itself when more of its answers fail.",
)
@_despite_option
@shared
def canary(
    name: str,
    version: str,
    share: float,
    by: Tie,
    most_errors: float,
    despite: str | None,
    home_path: str,
    as_json: bool,
    debug: bool,
) -> None:
    """Let VERSION answer a share of the requests for NAME.

    Where NAME demands a gate, VERSION has to have passed it: people read what a canary says.
    """
    _told(_releasing(home_path).canary(name, Canary(version, share, by, most_errors), despite), as_json)


@release.command()
@click.argument("name")
@click.argument("gatefile", required=False, type=click.Path(path_type=Path))
@click.option("--off", is_flag=True, help="Demand no gate any more; the history keeps that it was.")
@shared
def gate(name: str, gatefile: Path | None, off: bool, home_path: str, as_json: bool, debug: bool) -> None:
    """Demand that every further version of NAME has passed a gate by the rules in GATEFILE before anybody hears it.

    A name that followed the newest version stays with the one that answers now. Going back is always free.
    """
    if (gatefile is None) != off:
        raise UsageError(
            "name a file of rules, or say --off", where="GATEFILE", fix=f"ingot release gate {name} gate.yaml"
        )
    rules = literals(read_rules(gatefile)) if gatefile is not None else None
    _told(_releasing(home_path).demand(name, rules), as_json)


@release.command()
@click.argument("name")
@click.argument("version", required=False)
@click.option("--off", is_flag=True, help="Send the shadow away.")
@shared
def shadow(name: str, version: str | None, off: bool, home_path: str, as_json: bool, debug: bool) -> None:
    """Ask VERSION what NAME is asked, when nobody else is being answered; what it says is counted, never sent."""
    if (version is None) != off:
        raise UsageError("name a version, or say --off", where="VERSION", fix=f"ingot release shadow {name} {name}@2")
    _told(_releasing(home_path).shadow(name, version), as_json)


@release.command()
@click.argument("name")
@shared
def rollback(name: str, home_path: str, as_json: bool, debug: bool) -> None:
    """Take back the last step: the canary of NAME, or else the version that was promoted."""
    _told(_releasing(home_path).rollback(name), as_json)


@release.command()
@click.argument("name")
@click.argument("model", required=False)
@shared
def follow(name: str, model: str | None, home_path: str, as_json: bool, debug: bool) -> None:
    """Let the newest version of MODEL answer under NAME, whichever that is; without MODEL, of the model NAME."""
    _told(_releasing(home_path).follow(name, model or name), as_json)


@release.command()
@click.argument("name")
@shared
def archive(name: str, home_path: str, as_json: bool, debug: bool) -> None:
    """Serve NAME no more. Its model and its release are kept."""
    _told(_releasing(home_path).put_into(name, "archived"), as_json)


@release.command()
@click.argument("name")
@shared
def restore(name: str, home_path: str, as_json: bool, debug: bool) -> None:
    """Serve NAME again, after it was archived, or deleted through the API."""
    _told(_releasing(home_path).put_into(name, "served"), as_json)


def read_share(text: str, option: str = "--share") -> float:
    """Return a share from `10%` or `0.1`.

    >>> read_share("2.5%")
    0.025
    """
    number, is_percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        share = float(number) / (100 if is_percent else 1)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        fix = "write it like 10%, above 0% and below 100%"
        raise UsageError(f"{text!r} is no share", where=option, fix=fix)
    return share


def _releasing(home_path: str) -> Releasing:
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        who = "unknown"
    return Releasing(home_at(home_path), who)


def _told(changed: Release, as_json: bool) -> None:
    if as_json:
        print_json_lines([changed.as_fields()])
    else:
        click.echo(f"{changed.name}: {changed.history[-1].what}")


def _row(one: Release) -> tuple[Any, ...]:
    given = f"{one.canary.version}, {100 * one.canary.share:.3g}%" if one.canary else "-"
    stable = one.stable if "@" in one.stable else f"newest {one.stable}"
    before, failed = (", ".join(versions) or "-" for versions in (one.former, one.failed))
    return one.name, one.state, stable, given, one.shadow or "-", before, failed, _gate(one)


def _gate(one: Release) -> str:
    return "-" if one.gate is None else ", ".join(name for name, asked in one.gate.items() if asked and name in KINDS)
