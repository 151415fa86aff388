"""The commands that look and change nothing: models, runs, artifacts, lineage, plugins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from ingot.cli.detached import follow, stop
from ingot.cli.options import shared
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.show.tables import print_table
from ingot.cli.show.words import as_duration, as_energy, as_number
from ingot.cli.wire import home_at
from ingot.core import plugins as plugin_registry
from ingot.core.errors import UsageError, suggest
from ingot.core.events import read_log
from ingot.core.storage import as_size, folder_bytes
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.lineage import Node, ancestry, descendants
from ingot.flow.runs import RunRecord, list_runs


@click.command()
@shared
def models(home_path: str, as_json: bool, debug: bool) -> None:
    """List the models you own, newest version last."""
    found = [artifact for artifact in home_at(home_path).all() if artifact.kind == "Model"]
    if as_json:
        print_json_lines({"model": model.reference, "path": str(model.path), **model.facts} for model in found)
        return
    if not found:
        click.echo("No models yet. Build one: ingot build ./my-docs --name acme --time 10m")
        return
    rows = [
        (
            model.reference,
            as_number(model.facts["parameters"]),
            f"{model.facts['bits_per_byte']:.3f}" if "bits_per_byte" in model.facts else "-",
            str(model.facts["engine"]),
            model.record.finished,
            as_size(folder_bytes(model.path)),
        )
        for model in found
    ]
    print_table(("model", "parameters", "bits per byte", "engine", "finished", "size"), rows)


@click.command()
@click.argument("run_id", required=False)
@click.option(
    "--follow", "is_followed", is_flag=True, help="Show what a run does until it ends; Ctrl-C leaves it alone."
)
@click.option("--stop", "is_stopped", is_flag=True, help="Ask a run of this machine to save and end, and wait for it.")
@shared
def runs(run_id: str | None, is_followed: bool, is_stopped: bool, home_path: str, as_json: bool, debug: bool) -> None:
    """List runs, newest first; with RUN_ID show its steps and what went wrong.

    Without RUN_ID, --follow and --stop take the run that is running.
    """
    home = home_at(home_path)
    found = list_runs(home)
    if is_followed or is_stopped:
        (stop if is_stopped else follow)(home, _meant(found, run_id), as_json)
    elif run_id is not None:
        _show_run(home, _one_run(found, run_id), as_json)
    elif as_json:
        print_json_lines(asdict(run) for run in found)
    elif not found:
        click.echo("No runs yet. Start one: ingot build ./my-docs --name acme --time 10m")
    else:
        rows = [(run.id, run.status, run.started, run.finished or "-", run.command) for run in found]
        print_table(("run", "status", "started", "finished", "command"), rows)


@click.command()
@click.argument("name", required=False)
@shared
def artifacts(name: str | None, home_path: str, as_json: bool, debug: bool) -> None:
    """List everything the runs have made; with NAME only its versions."""
    home = home_at(home_path)
    found = home.versions(home.get(name).name) if name else list(home.all())
    if as_json:
        print_json_lines(asdict(artifact.record) for artifact in found)
        return
    rows = [
        (
            artifact.reference,
            artifact.kind,
            artifact.fingerprint[:12],
            as_duration(artifact.record.seconds),
            as_energy(artifact.record.joules, artifact.record.energy_method),
            as_size(folder_bytes(artifact.path)),
        )
        for artifact in found
    ]
    print_table(("artifact", "kind", "fingerprint", "took", "energy", "size"), rows)


@click.command()
@click.argument("name")
@click.option("--down", is_flag=True, help="Show what was made from NAME instead.")
@shared
def lineage(name: str, down: bool, home_path: str, as_json: bool, debug: bool) -> None:
    """Show what NAME was made from, back to the documents."""
    home = home_at(home_path)
    artifact = home.get(name)
    if down:
        _show_descendants(artifact, home, as_json)
    elif as_json:
        print_json_lines([_tree(ancestry(home, artifact))])
    else:
        _print_tree(ancestry(home, artifact), "", set())


@click.command()
@click.argument("kind", required=False)
@shared
def plugins(kind: str | None, home_path: str, as_json: bool, debug: bool) -> None:
    """List what can be plugged in; with KIND also what each one does and its options."""
    kinds = [kind] if kind else plugin_registry.kinds()
    found = [(one, name) for one in kinds for name in plugin_registry.names(one)]
    if kind is None:
        if as_json:
            print_json_lines({"kind": one, "name": name} for one, name in found)
        else:
            print_table(("kind", "name"), found)
        return
    loaded = [plugin_registry.load(one, name) for one, name in found]
    if as_json:
        print_json_lines({"kind": one.kind, "name": one.name, "summary": one.summary} for one in loaded)
    else:
        print_table(("kind", "name", "what it does"), [(one.kind, one.name, one.summary) for one in loaded])


def _meant(found: Sequence[RunRecord], run_id: str | None) -> RunRecord:
    if run_id is not None:
        return _one_run(found, run_id)
    running = [run for run in found if run.status == "running"]
    if len(running) != 1:
        what = "no run is running" if not running else f"{len(running)} runs are running"
        fix = "`ingot runs` lists them" if not running else f"name one: {', '.join(run.id for run in running)}"
        raise UsageError(what, where="RUN_ID", fix=fix)
    return running[0]


def _one_run(found: Sequence[RunRecord], run_id: str) -> RunRecord:
    matching = [run for run in found if run.id.startswith(run_id)]
    if len(matching) != 1:
        raise UsageError(f"there is no run {run_id!r}", fix=suggest(run_id, [run.id for run in found]))
    return matching[0]


def _show_run(home: Home, run: RunRecord, as_json: bool) -> None:
    if as_json:
        print_json_lines([asdict(run)])
        return
    click.echo(f"{run.id}: {run.status}\n{run.command}\nstarted {run.started}, finished {run.finished or '-'}\n")
    print_table(("step", "status", "artifact"), [(step.name, step.status, step.artifact or "-") for step in run.steps])
    for event in read_log(home.runs_path / run.id / "events.jsonl"):
        if event.kind in ("warning", "failure"):
            click.echo(f"{event.kind}: {event.step}: {event.fields.get('text') or event.fields.get('uri')}")
    if run.error:
        click.echo(f"\n{run.error}")
    click.echo(f"\nlogs: {home.runs_path / run.id}")


def _show_descendants(artifact: Artifact, home: Home, as_json: bool) -> None:
    found = [other.reference for other in descendants(artifact, home.all())]
    if as_json:
        print_json_lines({"artifact": reference} for reference in found)
    else:
        click.echo("\n".join(found) or f"nothing was made from {artifact.reference} yet")


def _print_tree(node: Node, indent: str, seen: set[str]) -> None:
    artifact = node.artifact
    if artifact.reference in seen:
        click.echo(f"{indent}{artifact.reference}  (see above)")
        return
    seen.add(artifact.reference)
    click.echo(f"{indent}{artifact.reference}  {artifact.kind}, {artifact.record.finished}")
    for name, source in artifact.record.sources.items():
        digest = source["digest"][:12]
        click.echo(f"{indent}  {name}: {source['items']} items, {as_size(source['bytes'])}, contents {digest}")
    for parent in node.inputs:
        _print_tree(parent, indent + "  ", seen)


def _tree(node: Node) -> dict[str, Any]:
    record = node.artifact.record
    return {
        "artifact": record.reference,
        "kind": record.kind,
        "fingerprint": record.fingerprint,
        "finished": record.finished,
        "sources": dict(record.sources),
        "inputs": [_tree(parent) for parent in node.inputs],
    }
