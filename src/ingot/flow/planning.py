"""Work out what a step is before it runs: its literals, what its sources hold, and from both its fingerprint."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingot.core import plugins
from ingot.core.config import literals, load
from ingot.core.errors import InputError, UsageError, suggest
from ingot.flow.artifact import Artifact
from ingot.flow.fingerprint import fingerprint
from ingot.flow.home import Home
from ingot.flow.source import Snapshot, SnapshotTaker, Source
from ingot.flow.step import Partial, Step


@dataclass(frozen=True)
class Planned:
    """A step whose inputs exist: its literals, snapshots and fingerprint are known."""

    step: Step
    config: Mapping[str, Any]
    inputs: Mapping[str, Artifact]
    decided_by: Mapping[str, str]
    snapshots: Mapping[str, Snapshot]
    fingerprint: str


def plan_step(step: Step, made: Mapping[str, Artifact], home: Home) -> Planned:
    """Work out a step's literals, snapshots and fingerprint. Every parent must be in `made`, by step name."""
    config = _with_facts(step, made)
    inputs = {name: made[parent.name] for name, parent in step.inputs.items()}
    snapshots = {name: take_snapshot(source, home) for name, source in step.sources.items()}
    input_fingerprints = {name: artifact.fingerprint for name, artifact in inputs.items()}
    digests = {name: snapshot.digest for name, snapshot in snapshots.items()}
    return Planned(
        step=step,
        config=config,
        inputs=inputs,
        decided_by={name: made[origin.step.name].reference for name, origin in step.fields.items()},
        snapshots=snapshots,
        fingerprint=fingerprint(step.run, step.version, config, input_fingerprints, digests),
    )


def take_snapshot(source: Source, home: Home) -> Snapshot:
    """Ask a source's connector what it holds now. Raises InputError when that is nothing."""
    plugin = plugins.load("connector", source.connector)
    connector: SnapshotTaker = plugin.entry(source.config, cache=home.cache_path)
    snapshot = connector.snapshot()
    if not snapshot.items:
        raise InputError(
            "the source holds nothing that can be read",
            where=source.connector,
            why="; ".join(f"{uri}: {reason}" for uri, reason in snapshot.skipped[:3]),
            fix="give a folder or file with documents in it",
        )
    return snapshot


def config_type(step: Step) -> type[Any]:
    """Return the type of a step's config; for plain literals, the type of its function's first parameter."""
    if isinstance(step.config, Partial):
        return step.config.config_type
    if not isinstance(step.config, Mapping):
        return type(step.config)
    hints = typing.get_type_hints(plugins.resolve(step.run))
    found = next(iter(hints.values()), None)
    if not dataclasses.is_dataclass(found) or not isinstance(found, type):
        why = "the first parameter of a step's function is annotated with its config, a dataclass"
        raise UsageError(f"run reference {step.run!r} names no step", where=f"step {step.name!r}", why=why)
    return found


def config_literals(step: Step) -> Mapping[str, Any]:
    """Return what a step's config says before facts of earlier steps fill the rest."""
    if isinstance(step.config, Partial):
        return step.config.literals
    return step.config if isinstance(step.config, Mapping) else literals(step.config)


def _with_facts(step: Step, made: Mapping[str, Artifact]) -> Mapping[str, Any]:
    facts = {name: _fact(made[origin.step.name], origin.fact) for name, origin in step.fields.items()}
    where = f"step {step.name!r}"
    return literals(load(config_type(step), {**config_literals(step), **facts}, where))


def _fact(artifact: Artifact, path: str) -> Any:
    value: Any = artifact.facts
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise UsageError(
                f"{artifact.reference} states no fact {path!r}",
                where=str(artifact.path),
                fix=suggest(path, artifact.facts),
            )
        value = value[part]
    return value
