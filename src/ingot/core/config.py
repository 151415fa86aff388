"""Typed configs: frozen dataclasses in, plain literals out, and back again with errors that name the field.

A component's `Config` is its only door for settings. Literals are what a fingerprint is made of and what a recipe file
holds; `load` is the door where they are checked, once. Validation and JSON Schema are pydantic's, on the standard
library's dataclasses.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ingot.core.errors import UsageError, suggest

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

C = TypeVar("C")
_ADDED = "added"


def _adapter(cls: type[C]) -> TypeAdapter[C]:
    # pydantic takes a tenth of a second to import: only commands that read a config pay for it.
    from pydantic import TypeAdapter

    return TypeAdapter(cls)


def added(default: C) -> C:
    """Return a config's field that came after recipes had been made with it.

    Left at its default it is no part of the literals, so what was made before keeps its fingerprint.
    """
    return dataclasses.field(default=default, metadata={_ADDED: True})


def literals(config: object) -> dict[str, Any]:
    """Return the config as JSON literals, every field included but those `added` that say nothing new.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Config:
    ...     sizes: tuple[int, ...] = (1, 2)
    >>> literals(Config())
    {'sizes': [1, 2]}
    """
    return cast("dict[str, Any]", _without_added(config, _adapter(type(config)).dump_python(config, mode="json")))


def _without_added(config: Any, written: Any) -> Any:
    if dataclasses.is_dataclass(config) and isinstance(written, dict):
        fields = {field.name: field for field in dataclasses.fields(config)}
        return {
            name: _without_added(getattr(config, name), value)
            for name, value in written.items()
            if not (fields[name].metadata.get(_ADDED) and getattr(config, name) == fields[name].default)
        }
    if isinstance(config, list | tuple) and isinstance(written, list):
        return [_without_added(one, other) for one, other in zip(config, written, strict=True)]
    return written


def load(cls: type[C], mapping: Mapping[str, Any], where: str) -> C:
    """Build a config from literals; `where` names the file or step for the error.

    Raises UsageError naming the field, the nearest valid name, or the type that was expected.
    """
    from pydantic import ValidationError

    valid = _names(cls)
    _check_names(valid, mapping, (), where)
    try:
        config = _adapter(cls).validate_python(dict(mapping))
    except ValidationError as error:
        raise UsageError(_first_problem(error), where=where, fix=f"options: {', '.join(valid)}") from None
    _check_within(config, mapping, (), where)
    return config


def schema(cls: type[object]) -> dict[str, Any]:
    """Return the config's JSON Schema: the source of forms, API documents and option help."""
    return _adapter(cls).json_schema()


def _names(cls: object) -> list[str]:
    return [field.name for field in dataclasses.fields(cast("Any", cls))]


def _check_names(valid: list[str], given: Mapping[str, Any], path: tuple[str, ...], where: str) -> None:
    for name in given:
        if name not in valid:
            raise UsageError(f"unknown option {'.'.join((*path, str(name)))!r}", where=where, fix=suggest(name, valid))


def _check_within(made: Any, given: Any, path: tuple[str, ...], where: str) -> None:
    """Check what pydantic lets pass: names that a config inside the config does not have, and numbers without end.

    `made` is what came of `given`. An option that is misspelt must not be one that is silently left out, and neither
    fingerprints nor JSON can hold infinity.
    """
    if isinstance(made, float) and not math.isfinite(made):
        raise UsageError(f"{'.'.join(path)}: {made} is not a number to work with", where=where, fix="give a finite one")
    pairs: list[tuple[str, Any, Any]] = []
    if dataclasses.is_dataclass(made) and isinstance(given, Mapping):
        _check_names(_names(made), given, path, where)
        pairs = [(name, getattr(made, name), value) for name, value in given.items()]
    elif isinstance(made, Mapping) and isinstance(given, Mapping):
        pairs = [(str(name), made[name], value) for name, value in given.items() if name in made]
    elif isinstance(made, list | tuple) and isinstance(given, list | tuple):
        pairs = [(str(place), *pair) for place, pair in enumerate(zip(made, given, strict=False))]
    for name, inner, value in pairs:
        _check_within(inner, value, (*path, name), where)


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"]) or "the config"
    return f"{field}: {problem['msg'][0].lower()}{problem['msg'][1:]} (got {problem['input']!r})"
