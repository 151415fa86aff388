"""What was generated is checked against its schema before it is answered.

An engine that forces a grammar should never write anything else; this is the second lock on the same door. Patterns
are matched by RE2, whose time grows with the text and not with the malice of the pattern.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from jsonschema import Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry

from ingot.core.errors import UsageError
from ingot.infer.grammars.drafts import draft_of
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
    checker = _CHECKERS[draft_of(schema)](schema, registry=Registry())
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


def _multiple_of(validator: Validator, step: Any, value: Any, schema: object) -> Iterator[ValidationError]:
    # In decimals, as they are written: divided as floats, 0.07 would be no multiple of 0.01.
    if validator.is_type(value, "number") and Decimal(str(value)) % Decimal(str(step)) != 0:
        yield ValidationError(f"{value!r} is not a multiple of {step}")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_IN_LINEAR_TIME = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "multipleOf": _multiple_of,
}
_DRAFTS: dict[int, Any] = {
    4: Draft4Validator,
    6: Draft6Validator,
    7: Draft7Validator,
    2019: Draft201909Validator,
    2020: Draft202012Validator,
}
_CHECKERS = {
    draft: extend(validator, _IN_LINEAR_TIME)  # type: ignore[no-untyped-call]  # its stub has no types
    for draft, validator in _DRAFTS.items()
}
