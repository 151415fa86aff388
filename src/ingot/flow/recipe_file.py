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
from typing import Any, TypeVar

import yaml

from ingot.core import plugins
from ingot.core.config import literals, load
from ingot.core.errors import UsageError, suggest
from ingot.flow.planning import config_literals
from ingot.flow.source import Source
from ingot.flow.step import Field, Step, in_order

C = TypeVar("C")

_KEYS = (
    "run", "kind", "artifact", "config", "inputs", "sources", "fields", "version", "resumable", "retries",
    "reads_early",
)  # fmt: skip
_REQUIRED = ("run", "kind", "artifact")


def read_recipe(path: Path) -> list[Step]:
    """Return the steps of a recipe file, parents first. Raises UsageError naming the step and the key."""
    content = _content(path)
    if not isinstance(content, Mapping) or not isinstance(content.get("steps"), Mapping) or not content["steps"]:
        raise UsageError("the recipe has no steps", where=str(path), fix="begin the file with `steps:`")
    return steps_from_literals(content["steps"], str(path), path.parent)


def _content(path: Path) -> object:
    where = str(path)
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        why, fix = error.strerror or str(error), "check the path"
        raise UsageError("the file cannot be read", where=where, why=why, fix=fix) from error
    except UnicodeDecodeError as error:
        why = f"it is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}"
        raise UsageError("the file cannot be read", where=where, why=why, fix="save it as UTF-8 text") from error
    except RecursionError as error:
        why, fix = "its values lie too deep in one another", "write it with fewer levels"
        raise UsageError("the file cannot be read", where=where, why=why, fix=fix) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else where
        why = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise UsageError("the file is not valid YAML", where=place, why=why, fix="correct that place") from error


def steps_from_literals(entries: Mapping[str, Any], where: str, base: Path = Path()) -> list[Step]:
    """Build Steps from plain data; relative source paths are taken from `base`."""
    for name, entry in entries.items():
        _check_shape(entry, f"{where}: step {name!r}")
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
    optional: dict[str, tuple[Any, Any]] = {
        "version": (step.version, 1),
        "resumable": (step.is_resumable, False),
        "retries": (step.retries, 1),
        "reads_early": (list(step.reads_early), []),
    }
    entry |= {key: value for key, (value, usual) in optional.items() if value != usual}
    return {key: value for key, value in entry.items() if value != {}}


def _check_shape(entry: object, where: str) -> None:
    if not isinstance(entry, Mapping):
        raise UsageError("a step holds no keys", where=where, fix=f"every step needs {', '.join(_REQUIRED)}")
    for key in ("config", "inputs", "sources", "fields"):
        if not isinstance(entry.get(key, {}), Mapping):
            raise UsageError(f"{key!r} holds no names", where=where, fix=f"write it like {key}: {{name: value}}")


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
        reads_early=tuple(entry.get("reads_early", ())),
    )


def read_sources(path: Path) -> dict[str, Source]:
    """Return the sources of a file that holds what a step's `sources:` do, by name."""
    content = _content(path)
    if not isinstance(content, Mapping) or not content:
        fix = "write it like contracts: {connector: sql, config: {...}}; `ingot plugins connector` lists what there is"
        raise UsageError("the file names no sources", where=str(path), fix=fix)
    return {str(name): _source(entry, f"{path}: source {name!r}", path.parent) for name, entry in content.items()}


def read_config(path: Path, config_type: type[C]) -> C:
    """Return the config a YAML or JSON file holds. Raises UsageError naming the field."""
    content = _content(path)
    if not isinstance(content, Mapping):
        raise UsageError("the file holds no names", where=str(path), fix="write lines like name: value")
    return load(config_type, content, str(path))


def _source(entry: object, where: str, base: Path) -> Source:
    if not isinstance(entry, Mapping) or "connector" not in entry:
        fix = "write it like {connector: folder, config: {paths: [./docs]}}"
        raise UsageError("the source names no connector", where=where, fix=fix)
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
