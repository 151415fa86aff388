"""What was generated is checked against its schema before it is answered.

An engine that forces a grammar should never write anything else; this is the second lock on the same door. Patterns
are matched by RE2, whose time grows with the text and not with the malice of the pattern.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry

from ingot.core.errors import UsageError
from ingot.safety.patterns import Pattern

_KEPT_PATTERNS = 256


def read_json(text: str) -> Any:
    """Return the value of a JSON text (RFC 8259: no NaN). Raises ValueError for anything else."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def flaw(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Return where a value does not follow a schema, or None.

    >>> flaw({"a": "x"}, {"properties": {"a": {"type": "integer"}}})
    "$.a: 'x' is not of type 'integer'"
    """
    # An empty registry: a reference to anywhere else is an error, never a download.
    checker = _Checker(schema, registry=Registry())
    try:
        found = next(iter(checker.iter_errors(value)), None)
    except RecursionError:
        return "$: nested too deeply"
    except UsageError as error:
        return f"$: {error.what}"
    return None if found is None else f"{found.json_path}: {found.message}"


@lru_cache(_KEPT_PATTERNS)
def _compiled(pattern: str) -> Pattern:
    return Pattern(pattern, where="pattern")


def _pattern(validator: Validator, pattern: str, value: Any, schema: object) -> Iterator[ValidationError]:
    if isinstance(value, str) and not _compiled(pattern).occurs(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, schema: object) -> Iterator[ValidationError]:
    for name, inside in value.items() if isinstance(value, dict) else ():
        for pattern, rule in patterns.items():
            if _compiled(pattern).occurs(name):
                yield from validator.descend(inside, rule, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    patterns = schema.get("patternProperties", {})
    for name, inside in value.items() if isinstance(value, dict) else ():
        if name in schema.get("properties", {}) or any(_compiled(one).occurs(name) for one in patterns):
            continue
        if rule is False:
            yield ValidationError(f"{name!r} is not allowed")
        else:
            yield from validator.descend(inside, rule, path=name)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_BY_RE2 = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}
_Checker = extend(Draft202012Validator, _BY_RE2)  # type: ignore[no-untyped-call]  # its stub has no types
