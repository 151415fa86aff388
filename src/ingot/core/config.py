"""Typed configs: frozen dataclasses in, plain literals out, and back again with errors that name the field.

A component's `Config` is its only door for settings. Literals are what a fingerprint is made of and what a recipe file
holds; `load` is the door where they are checked, once. Validation and JSON Schema are pydantic's, on the standard
library's dataclasses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ingot.core.errors import UsageError, suggest

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

C = TypeVar("C")


def _adapter(cls: type[C]) -> TypeAdapter[C]:
    # pydantic takes a tenth of a second to import: only commands that read a config pay for it.
    from pydantic import TypeAdapter

    return TypeAdapter(cls)


def literals(config: object) -> dict[str, Any]:
    """Return the config as JSON literals, every field included.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Config:
    ...     sizes: tuple[int, ...] = (1, 2)
    >>> literals(Config())
    {'sizes': [1, 2]}
    """
    return cast("dict[str, Any]", _adapter(type(config)).dump_python(config, mode="json"))


def load(cls: type[C], mapping: Mapping[str, Any], where: str) -> C:
    """Build a config from literals; `where` names the file or step for the error.

    Raises UsageError naming the field, the nearest valid name, or the type that was expected.
    """
    from pydantic import ValidationError

    valid = [field.name for field in dataclasses.fields(cast("Any", cls))]
    for name in mapping:
        if name not in valid:
            raise UsageError(f"unknown option {name!r}", where=where, fix=suggest(name, valid))
    try:
        return _adapter(cls).validate_python(dict(mapping))
    except ValidationError as error:
        raise UsageError(_first_problem(error), where=where, fix=f"options: {', '.join(valid)}") from None


def schema(cls: type[object]) -> dict[str, Any]:
    """Return the config's JSON Schema: the source of forms, API documents and option help."""
    return _adapter(cls).json_schema()


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"]) or "the config"
    return f"{field}: {problem['msg'][0].lower()}{problem['msg'][1:]} (got {problem['input']!r})"
