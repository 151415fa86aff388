"""Two schemas for one value: what satisfies both, and whether any value can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

_LARGER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_SMALLER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_ANNOTATIONS = ("title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly", "$id")
_ALL_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


class NotOneError(Exception):
    """The keyword on which no single schema says what two do."""


def both(one: Any, other: Any) -> Any:
    """Return a schema for the values that satisfy both. Raises NotOneError."""
    if one is True or one == {}:
        return other
    if other is True or other == {}:
        return one
    if one is False or other is False:
        return False
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        raise NotOneError("what is a schema")
    if _is_closed(one, other) or _is_closed(other, one):
        raise NotOneError("additionalProperties")
    merged = dict(one)
    for word, value in other.items():
        merged[word] = _both_words(word, merged[word], value) if word in merged else value
    return merged


def _is_closed(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether one schema has a rule for all names it does not list, and the other lists such names."""
    extra = one.get("additionalProperties", True)
    listed = set(other.get("properties", {})) | set(other.get("required", ()))
    return extra is not True and extra != {} and bool(listed - set(one.get("properties", {})))


def _both_words(word: str, one: Any, other: Any) -> Any:
    if one == other and isinstance(one, bool) == isinstance(other, bool):
        return one
    if word in _ANNOTATIONS:
        return one
    if word == "type":
        return _types(one, other)
    if word == "required":
        return list(dict.fromkeys([*one, *other]))
    if word in ("properties", "$defs", "definitions"):
        return {**one, **{name: both(one[name], value) if name in one else value for name, value in other.items()}}
    if word in _LARGER:
        return max(one, other)
    if word in _SMALLER:
        return min(one, other)
    if word in ("items", "additionalProperties", "propertyNames"):
        return both(one, other)
    if word == "enum":
        return [value for value in one if value in other]
    if word == "allOf":
        return [*one, *other]
    raise NotOneError(word)


def _types(one: Any, other: Any) -> list[str]:
    first, second = _type_set({"type": one}), _type_set({"type": other})
    kept = first & second
    if not kept:
        raise NotOneError("type")
    return sorted(kept)


def _type_set(schema: Mapping[str, Any]) -> frozenset[str]:
    kinds = schema.get("type")
    if kinds is None:
        return _ALL_TYPES
    named = frozenset([kinds] if isinstance(kinds, str) else kinds)
    return named | {"integer"} if "number" in named else named


def exclude_each_other(schemas: Sequence[Any]) -> bool:
    """Say whether it is certain that no value satisfies two of these schemas."""
    return all(_are_apart(one, other) for one, other in combinations(schemas, 2))


def _are_apart(one: Any, other: Any) -> bool:
    if one is False or other is False:
        return True
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return False
    if not _type_set(one) & _type_set(other):
        return True
    first, second = _values(one), _values(other)
    if first is not None and second is not None:
        return not any(a == b and isinstance(a, bool) == isinstance(b, bool) for a in first for b in second)
    if not {"object"} >= _type_set(one) & _type_set(other):
        return False
    required = set(one.get("required", ())) & set(other.get("required", ()))
    left, right = one.get("properties", {}), other.get("properties", {})
    return any(name in left and name in right and _are_apart(left[name], right[name]) for name in required)


def _values(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None
