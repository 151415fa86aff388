"""One way to extend: a plug-in is one file in the right folder, or an entry point of another package.

The file holds a frozen dataclass `Config` and one entry named after its kind. There is no list to edit: listing a kind
reads the folder's file names, loading one imports that file alone. Packages outside add plug-ins through the entry
point group `ingot.<kind>`, whose values name such a module. Of some kinds a file anywhere will do, named by its path.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from ingot.core.errors import MissingExtraError, UsageError, suggest

# kind -> (the folder its files lie in, the name of the entry in each file)
KINDS: dict[str, tuple[str, str]] = {
    "connector": ("ingot.data.connectors", "Connector"),
    "parser": ("ingot.data.parsers", "parse"),
    "transform": ("ingot.data.transforms", "Transform"),
    "filter": ("ingot.data.filters", "annotate"),
    "detector": ("ingot.safety.detectors", "detect"),
    "dedup": ("ingot.data.dedup", "duplicates"),
    "objective": ("ingot.train.objectives", "loss"),
    "engine": ("ingot.infer.engines", "Engine"),
    "exporter": ("ingot.infer.exporters", "export"),
    "reader": ("ingot.infer.readers", "Reader"),
    "executor": ("ingot.flow.executors", "Executor"),
    "task": ("ingot.evaluate.tasks", "items"),
    "scorer": ("ingot.evaluate.scorers", "score"),
    "reward": ("ingot.train.rewards", "reward"),
}


@dataclass(frozen=True)
class Plugin:
    """A loaded plug-in: its kind and name, its Config type, its entry and the first sentence of its docstring.

    `other` returns what its file holds beside these under a name, or None: some kinds ask for more.
    """

    kind: str
    name: str
    config_type: type[Any]
    entry: Callable[..., Any]
    summary: str
    other: Callable[[str], Any] = lambda _: None


def kinds() -> list[str]:
    """Return every kind of plug-in, sorted."""
    return sorted(KINDS)


def names(kind: str) -> list[str]:
    """Return the names of a kind's plug-ins, sorted, without importing any of them."""
    folder, _ = _place(kind)
    if importlib.util.find_spec(folder) is None:
        return sorted(_outside(kind))
    inside = {module.name for module in pkgutil.iter_modules(importlib.import_module(folder).__path__)}
    return sorted(inside | set(_outside(kind)))


def load(kind: str, name: str) -> Plugin:
    """Import one plug-in. Raises UsageError with the nearest name when there is none of that name."""
    folder, entry = _place(kind)
    if name not in names(kind):
        raise UsageError(f"there is no {kind} named {name!r}", fix=suggest(name, names(kind)))
    module = importlib.import_module(_outside(kind).get(name, f"{folder}.{name}"))
    summary = _first_sentence(module.__doc__)
    return Plugin(kind, name, _config_type(module), getattr(module, entry), summary, partial(_other, module))


def load_file(kind: str, path: Path) -> Plugin:
    """Run a file of the user's own and return the plug-in in it. Raises UsageError with what the file lacks."""
    _, entry = _place(kind)
    spec = importlib.util.spec_from_file_location(f"ingot_{kind}_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UsageError(f"there is no file {path} with a {kind}", where=str(path.absolute()), fix="check the path")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a dataclass looks its own annotations up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(
            f"the file {path.name} cannot be run: {type(error).__name__}: {error}",
            where=str(path.absolute()),
            fix="run it with Python by itself, and mend what that says",
        ) from error
    config = getattr(module, "Config", None)
    if not (isinstance(config, type) and dataclasses.is_dataclass(config) and callable(getattr(module, entry, None))):
        raise UsageError(
            f"the file {path.name} is no {kind}",
            where=str(path.absolute()),
            why=f"it needs a frozen dataclass Config and a function {entry}",
            fix=f"see docs/how-to/write-a-plugin.md, or copy one of {', '.join(names(kind))}",
        )
    summary = _first_sentence(module.__doc__)
    return Plugin(kind, path.stem, config, getattr(module, entry), summary, partial(_other, module))


def installed_version(package: str) -> str:
    """Return the version of an installed package, or an empty string."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def resolve(reference: str) -> Callable[..., Any]:
    """Return what a run reference such as `ingot.train.run:pretrain` names."""
    module_name, _, attribute = reference.partition(":")
    try:
        return _callable(getattr(importlib.import_module(module_name), attribute))
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] not in ("ingot", module_name.partition(".")[0]):
            raise MissingExtraError(f"the package {error.name!r}, which {reference} needs,", "all") from error
        raise UsageError(f"run reference {reference!r} names no module", fix="write package.module:function") from error
    except (AttributeError, ValueError) as error:
        raise UsageError(
            f"run reference {reference!r} names no function", fix="write package.module:function"
        ) from error


def _callable(value: object) -> Callable[..., Any]:
    if not callable(value):
        raise ValueError(value)
    return value


def _other(module: ModuleType, name: str) -> Any:
    return getattr(module, name, None)


def _place(kind: str) -> tuple[str, str]:
    if kind not in KINDS:
        raise UsageError(f"there is no kind of plug-in named {kind!r}", fix=suggest(kind, KINDS))
    return KINDS[kind]


def _outside(kind: str) -> Mapping[str, str]:
    return _entry_points(f"ingot.{kind}", tuple(sys.path))


@cache
def _entry_points(group: str, path: tuple[str, ...]) -> Mapping[str, str]:
    """Return modules by name. To ask all packages takes 5 ms, and loading every plug-in of a kind asks sixty times."""
    return {point.name: point.value for point in importlib.metadata.entry_points(group=group)}


def _config_type(module: ModuleType) -> type[Any]:
    config_type = getattr(module, "Config", None)
    assert isinstance(config_type, type), f"{module.__name__} has no Config"
    assert dataclasses.is_dataclass(config_type), f"{module.__name__}.Config is not a dataclass"
    return config_type


def _first_sentence(text: str | None) -> str:
    return (text or "").strip().split("\n\n")[0].replace("\n", " ")
