"""`ingot gate`: may this model take the place of the one in use? It ends with 0 for yes, 9 for no, 10 for unsure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from ingot.cli.options import shared
from ingot.cli.show.display import open_display
from ingot.cli.show.gates import print_gate
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.wire import command_line, home_at
from ingot.core.errors import InputError, UsageError, suggest
from ingot.core.storage import write_atomically
from ingot.evaluate.gating.junit import as_junit
from ingot.evaluate.gating.markdown import as_markdown
from ingot.evaluate.gating.measured import measured
from ingot.evaluate.gating.rules import DEFAULT, GateConfig, Rules
from ingot.evaluate.gating.rules_file import read_rules, rules_of
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.runner import Options, run
from ingot.recipes.gate import gate as gate_step
from ingot.registry.release import Release
from ingot.registry.releasing import Releasing

FAILED, UNSURE = 9, 10
_CODES = {"pass": 0, "fail": FAILED, "unsure": UNSURE}
_KINDS = ("Model", "Checkpoint")
_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("model")
@click.option("--against", help="The model in use.  [default: what the release serves, or the version before]")
@click.option("--release", "release_name", metavar="NAME", help="Judge it for this name, by the gate the name demands.")
@click.option("--file", "rules_path", type=_PATH, help="A file of rules.  [default: whatever was measured counts]")
@click.option("--junit", "junit_path", type=_PATH, metavar="FILE", help="Write the verdict as JUnit XML, too.")
@click.option("--markdown", "markdown_path", type=_PATH, metavar="FILE", help="Write it as Markdown, too.")
@shared
@click.pass_context
def gate(
    context: click.Context,
    model: str,
    against: str | None,
    release_name: str | None,
    rules_path: Path | None,
    junit_path: Path | None,
    markdown_path: Path | None,
    home_path: str,
    as_json: bool,
    debug: bool,
) -> None:
    """Judge MODEL before it takes the place of the version in use: quality, safety, memorisation, cost, forgetting.

    It asks nothing itself: it takes the newest evaluations of both, the audit and the report, and says which command
    measures what is missing. It ends with 0 when MODEL passes, with 9 when it fails, and with 10 when that is unsure.
    """
    home = home_at(home_path)
    found = _model(home, model)
    releases = _releases(home, release_name)
    other = _against(home, found, against, releases, release_name)
    known = measured(home, found, other)
    config = GateConfig(_rules(rules_path, releases, release_name), known.commands)
    beside = {name: one for name, one in (("audit", known.audit), ("report", known.report)) if one is not None}
    step, given = gate_step(found, other, config, known.asked, known.before, beside)
    with open_display(as_json, title=f"Judging {found.reference}") as display:
        outcome = run([step], home, Options(command=command_line()), [display.show], given)
    made = outcome.artifacts[step.name]
    _write(junit_path, as_junit(made.facts, made.record.finished))
    _write(markdown_path, as_markdown(made.facts))
    if as_json:
        print_json_lines([{"kind": "summary", "artifact": made.reference, "folder": str(made.path), **made.facts}])
    else:
        print_gate(made)
    context.exit(_CODES[made.facts["verdict"]])


def _model(home: Home, reference: str) -> Artifact:
    found = home.get(reference)
    if found.kind not in _KINDS:
        fix = "name a model (`ingot models`), or one taken in with `ingot import`"
        raise InputError(f"{found.reference} is a {found.kind}, not a model", where=str(found.path), fix=fix)
    return found


def _releases(home: Home, name: str | None) -> Mapping[str, Release]:
    """Return the releases there are, among them the one that is named, if only as a model's name."""
    releasing = Releasing(home, "")
    releases = releasing.file.read()
    if name is not None and name not in releases:
        names = releasing.names()
        if name not in names:
            raise UsageError(f"nothing is served as {name!r}", where="--release", fix=suggest(name, names))
        releases[name] = Release(name, name)
    return releases


def _against(
    home: Home, model: Artifact, named: str | None, releases: Mapping[str, Release], name: str | None
) -> Artifact | None:
    """Return the version in use: as named, as a release serves it, else the one before; None for a first model."""
    if named is not None:
        other = _model(home, named)
        if other.reference == model.reference:
            fix = f"name what answers now: ingot gate {model.reference} --against MODEL@VERSION"
            raise UsageError("these are one and the same", where=model.reference, fix=fix)
        return other
    # A name that nobody released follows its newest version, which may be the one that is judged: then the one before.
    release = releases.get(name or model.name)
    if release is not None and (name is not None or "@" in release.stable):
        serving = Releasing(home, "").serving(release)
        if serving != model.reference:
            return home.get(serving)
        if "@" in release.stable:
            fix = f"say against which it is judged: ingot gate {model.reference} --against MODEL@VERSION"
            raise UsageError(f"{serving} answers to {release.name!r} already", where="MODEL", fix=fix)
    earlier = [each for each in home.versions(model.name) if each.version < model.version and each.kind == model.kind]
    return earlier[-1] if earlier else None


def _rules(path: Path | None, releases: Mapping[str, Release], name: str | None) -> Rules:
    if path is not None:
        return read_rules(path)
    demanded = releases[name].gate if name is not None else None
    return DEFAULT if demanded is None else rules_of(demanded, f"the gate of {name!r}")


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    except OSError as error:
        fix = "name a file in a folder that you may write to"
        raise UsageError("the verdict cannot be written", where=str(path), why=str(error), fix=fix) from error
