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
from pathlib import Path
from typing import Any

import yaml

from ingot.core import plugins
from ingot.core.config import literals, load
from ingot.core.errors import UsageError, suggest
from ingot.flow.planning import config_literals
from ingot.flow.source import Source
from ingot.flow.step import Field, Step, in_order

_KEYS = (
    "run", "kind", "artifact", "config", "inputs", "sources", "fields", "version", "resumable", "retries",
)  # fmt: skip
_REQUIRED = ("run", "kind", "artifact")


def read_recipe(path: Path) -> list[Step]:
    """Return the steps of a recipe file, parents first. Raises UsageError naming the step and the key."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the recipe cannot be read", where=str(path), why=str(error)) from error
    except yaml.YAMLError as error:
        raise UsageError("the recipe is not valid YAML", where=str(path), why=str(error)) from error
    if not isinstance(content, Mapping) or not isinstance(content.get("steps"), Mapping):
        raise UsageError("the recipe has no steps", where=str(path), fix="begin the file with `steps:`")
    return steps_from_literals(content["steps"], str(path), path.parent)


def steps_from_literals(entries: Mapping[str, Any], where: str, base: Path = Path()) -> list[Step]:
    """Build Steps from plain data; relative source paths are taken from `base`."""
    built: dict[str, Step] = {}
    for name in _sorted_by_need(entries, where):
        built[name] = _step(name, entries[name], built, f"{where}: step {name!r}", base)
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
    optional = {"version": (step.version, 1), "resumable": (step.is_resumable, False), "retries": (step.retries, 1)}
    entry |= {key: value for key, (value, usual) in optional.items() if value != usual}
    return {key: value for key, value in entry.items() if value != {}}


def _step(name: str, entry: Mapping[str, Any], built: Mapping[str, Step], where: str, base: Path) -> Step:
    for key in entry:
        if key not in _KEYS:
            raise UsageError(f"unknown key {key!r}", where=where, fix=suggest(key, _KEYS))
    for key in _REQUIRED:
        if key not in entry:
            raise UsageError(f"the key {key!r} is missing", where=where, fix=f"every step needs {', '.join(_REQUIRED)}")
    plugins.resolve(entry["run"])
    return Step(
        name=name,
        artifact=entry["artifact"],
        kind=entry["kind"],
        run=entry["run"],
        config=dict(entry.get("config", {})),
        inputs={key: built[parent] for key, parent in entry.get("inputs", {}).items()},
        sources={key: _source(value, where, base) for key, value in entry.get("sources", {}).items()},
        fields={key: _field(value, built) for key, value in entry.get("fields", {}).items()},
        version=entry.get("version", 1),
        is_resumable=entry.get("resumable", False),
        retries=entry.get("retries", 1),
    )


def _source(entry: Mapping[str, Any], where: str, base: Path) -> Source:
    plugin = plugins.load("connector", entry["connector"])
    config = dict(entry.get("config", {}))
    if "paths" in config:
        config["paths"] = [str(base / path) for path in config["paths"]]
    return Source(plugin.name, load(plugin.config_type, config, where))


def _field(text: str, built: Mapping[str, Step]) -> Field:
    name, _, fact = text.partition(".")
    return Field(built[name], fact)


def _needs(entry: Mapping[str, Any]) -> list[str]:
    return [*entry.get("inputs", {}).values(), *(text.partition(".")[0] for text in entry.get("fields", {}).values())]


def _sorted_by_need(entries: Mapping[str, Any], where: str) -> list[str]:
    """Return step names so that each comes after what it needs."""
    done: list[str] = []
    waiting = dict(entries)
    while waiting:
        ready = [name for name, entry in waiting.items() if set(_needs(entry)) <= set(done)]
        if not ready:
            name, entry = next(iter(waiting.items()))
            missing = sorted(set(_needs(entry)) - set(done))[0]
            raise UsageError(
                f"no step can give {missing!r}", where=f"{where}: step {name!r}", fix=suggest(missing, entries)
            )
        done += ready
        waiting = {name: entry for name, entry in waiting.items() if name not in ready}
    return done
