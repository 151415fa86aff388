"""The same graph as data: a recipe in YAML or JSON, read into Steps and written back.

    steps:
      documents:
        run: ingot.data.run:read
        kind: Documents
        artifact: acme-documents
        sources:
          documents: {connector: folder, config: {paths: [./docs]}}
      dataset:
        run: ingot.data.run:curate
        kind: Dataset
        artifact: acme-dataset
        inputs: {documents: documents}
      tokenizer:
        ...
        fields: {vocabulary: plan.vocabulary}

A recipe file and the Python function that builds the same Steps have the same fingerprints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from ingot.core import plugins
from ingot.core.config import literals, load
from ingot.core.errors import UsageError, suggest
from ingot.flow.planning import config_literals, config_type
from ingot.flow.source import Source
from ingot.flow.step import Field, Step, in_order
from ingot.flow.yaml_file import read_yaml

C = TypeVar("C")

_REQUIRED = ("run", "kind", "artifact")


@dataclass(frozen=True)
class _Entry:
    """A step as a recipe file writes it."""

    run: str
    kind: str
    artifact: str
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    version: int = 1
    resumable: bool = False
    retries: int = 1
    reads_early: tuple[str, ...] = ()


@dataclass(frozen=True)
class _SourceEntry:
    """A source as a recipe file writes it."""

    connector: str
    config: Mapping[str, Any] = field(default_factory=dict)


def read_recipe(path: Path) -> list[Step]:
    """Return the steps of a recipe file, parents first. Raises UsageError naming the step and the key."""
    content = read_yaml(path)
    if not isinstance(content, Mapping) or not isinstance(content.get("steps"), Mapping) or not content["steps"]:
        raise UsageError("the recipe has no steps", where=str(path), fix="begin the file with `steps:`")
    return steps_from_literals(content["steps"], str(path), path.parent)


def steps_from_literals(entries: Mapping[str, Any], where: str, base: Path = Path()) -> list[Step]:
    """Build Steps from plain data; relative source paths are taken from `base`."""
    read = {str(name): _entry_of(entry, f"{where}: step {name!r}") for name, entry in entries.items()}
    made: set[str] = set()
    for name, entry in read.items():
        if entry.artifact in made:
            raise UsageError(
                f"two steps make the artifact {entry.artifact!r}",
                where=f"{where}: step {name!r}",
                fix="give each artifact a name of its own",
            )
        made.add(entry.artifact)
    built: dict[str, Step] = {}
    for name in _sorted_by_need(read, where):
        built[name] = _step(name, read[name], built, f"{where}: step {name!r}", base)
    return list(built.values())


def as_literals(targets: Sequence[Step]) -> dict[str, Any]:
    """Return the graph as plain data that :func:`steps_from_literals` reads back."""
    return {"steps": {step.name: _entry(step) for step in in_order(targets)}}


def write_recipe(targets: Sequence[Step], as_format: str = "yaml") -> str:
    """Return the graph as the text of a recipe file, `yaml` or `json`."""
    if as_format == "json":
        return json.dumps(as_literals(targets), indent=1) + "\n"
    text: str = yaml.safe_dump(as_literals(targets), sort_keys=False, allow_unicode=True)
    return text


def _entry(step: Step) -> dict[str, Any]:
    config = config_literals(step)
    entry: dict[str, Any] = {"run": step.run, "kind": step.kind, "artifact": step.artifact}
    entry["config"] = {key: value for key, value in config.items() if key not in step.fields}
    entry["inputs"] = {key: parent.name for key, parent in step.inputs.items()}
    entry["sources"] = {
        key: {"connector": source.connector, "config": literals(source.config)} for key, source in step.sources.items()
    }
    entry["fields"] = {key: f"{origin.step.name}.{origin.fact}" for key, origin in step.fields.items()}
    optional: dict[str, tuple[Any, Any]] = {
        "version": (step.version, 1),
        "resumable": (step.is_resumable, False),
        "retries": (step.retries, 1),
        "reads_early": (list(step.reads_early), []),
    }
    entry |= {key: value for key, (value, usual) in optional.items() if value != usual}
    return {key: value for key, value in entry.items() if value != {}}


def _entry_of(entry: object, where: str) -> _Entry:
    """Check a step's keys and the types of what they hold."""
    if not isinstance(entry, Mapping):
        raise UsageError("a step holds no keys", where=where, fix=f"every step needs {', '.join(_REQUIRED)}")
    for key in ("config", "inputs", "sources", "fields"):
        if not isinstance(entry.get(key, {}), Mapping):
            raise UsageError(f"{key!r} holds no names", where=where, fix=f"write it like {key}: {{name: value}}")
    named = {str(key): value for key, value in entry.items()}
    known = {key: value for key, value in named.items() if key in _Entry.__dataclass_fields__}
    for key in named.keys() - known.keys():
        raise UsageError(f"unknown key {key!r}", where=where, fix=suggest(key, _Entry.__dataclass_fields__))
    for key in _REQUIRED:
        if key not in entry:
            raise UsageError(f"the key {key!r} is missing", where=where, fix=f"every step needs {', '.join(_REQUIRED)}")
    return load(_Entry, named, where)


def _step(name: str, entry: _Entry, built: Mapping[str, Step], where: str, base: Path) -> Step:
    plugins.resolve(entry.run)
    step = Step(
        name=name,
        artifact=entry.artifact,
        kind=entry.kind,
        run=entry.run,
        config=dict(entry.config),
        inputs={key: built[parent] for key, parent in entry.inputs.items()},
        sources={str(key): _source(value, where, base) for key, value in entry.sources.items()},
        fields={key: _field(value, built) for key, value in entry.fields.items()},
        version=entry.version,
        is_resumable=entry.resumable,
        retries=entry.retries,
        reads_early=entry.reads_early,
    )
    if not step.fields:
        # A wrong config is said now, not after the hours that the steps before it take.
        load(config_type(step), step.config, where)
    return step


def read_sources(path: Path) -> dict[str, Source]:
    """Return the sources of a file that holds what a step's `sources:` do, by name."""
    content = read_yaml(path)
    if not isinstance(content, Mapping) or not content:
        fix = "write it like contracts: {connector: sql, config: {...}}; `ingot plugins connector` lists what there is"
        raise UsageError("the file names no sources", where=str(path), fix=fix)
    return {str(name): _source(entry, f"{path}: source {name!r}", path.parent) for name, entry in content.items()}


def read_config(path: Path, config_type: type[C]) -> C:
    """Return the config a YAML or JSON file holds. Raises UsageError naming the field."""
    content = read_yaml(path)
    if not isinstance(content, Mapping):
        raise UsageError("the file holds no names", where=str(path), fix="write lines like name: value")
    return load(config_type, content, str(path))


def _source(entry: object, where: str, base: Path) -> Source:
    if not isinstance(entry, Mapping) or "connector" not in entry:
        fix = "write it like {connector: folder, config: {paths: [./docs]}}"
        raise UsageError("the source names no connector", where=where, fix=fix)
    told = load(_SourceEntry, {str(key): value for key, value in entry.items()}, where)
    plugin = plugins.load("connector", told.connector)
    paths = told.config.get("paths")
    # What is no list of paths is refused below, with its field.
    are_paths = isinstance(paths, list) and all(isinstance(path, str) for path in paths)
    config = {**told.config, "paths": [str(base / path) for path in paths]} if are_paths and paths else told.config
    return Source(plugin.name, load(plugin.config_type, config, where))


def _field(text: str, built: Mapping[str, Step]) -> Field:
    name, _, fact = text.partition(".")
    return Field(built[name], fact)


def _needs(entry: _Entry) -> list[str]:
    return [*entry.inputs.values(), *(text.partition(".")[0] for text in entry.fields.values())]


def _sorted_by_need(entries: Mapping[str, _Entry], where: str) -> list[str]:
    """Return step names so that each comes after what it needs."""
    done: list[str] = []
    waiting = dict(entries)
    while waiting:
        ready = [name for name, entry in waiting.items() if set(_needs(entry)) <= set(done)]
        if not ready:
            name, entry = next(iter(waiting.items()))
            missing = sorted(set(_needs(entry)) - set(done))[0]
            if all(set(_needs(other)) <= entries.keys() for other in waiting.values()):
                fix = "remove the cycle from the recipe"
                raise UsageError(f"the steps {', '.join(waiting)} need one another", where=where, fix=fix)
            raise UsageError(
                f"no step can give {missing!r}", where=f"{where}: step {name!r}", fix=suggest(missing, entries)
            )
        done += ready
        waiting = {name: entry for name, entry in waiting.items() if name not in ready}
    return done
