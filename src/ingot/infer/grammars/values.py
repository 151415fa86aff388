"""Whether a value of an `enum` satisfies a schema: every word is decided, or nothing is.

Only values that stand in the schema itself are looked at, so what costs is bounded by its length.
Source: JSON Schema Validation 2020-12, section 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ingot.infer.grammars.drafts import Document, place_of, same
from ingot.infer.grammars.matching import matches
from ingot.infer.grammars.merge import EXCLUDED, as_types, item_rule, rule_for
from ingot.infer.grammars.words import REFUSED, refuse

_STRINGS = {"minLength": lambda text, least: len(text) >= least, "maxLength": lambda text, most: len(text) <= most}
_NUMBERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
    "multipleOf": lambda value, step: Decimal(str(value)) % Decimal(str(step)) == 0,
}
_SIZES: Mapping[str, Callable[[Any, Any], bool]] = {
    "minItems": lambda value, least: len(value) >= least,
    "maxItems": lambda value, most: len(value) <= most,
}
_COUNTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minProperties": lambda value, least: len(value) >= least,
    "maxProperties": lambda value, most: len(value) <= most,
}


def satisfies(value: Any, schema: Any, document: Document) -> bool:
    """Say whether a value satisfies a schema. Raises InputError for a word that cannot be decided."""
    if isinstance(schema, bool):
        return schema
    for word in REFUSED.intersection(schema):
        refuse(place_of(schema, word), f"the keyword {word!r} cannot be enforced")

    def holds(other: Any) -> bool:
        return satisfies(value, other, document)

    if "$ref" in schema and not holds(document.resolved(schema["$ref"], place_of(schema, "$ref"))):
        return False
    return (
        all(map(holds, schema.get("allOf", ())))
        and ("anyOf" not in schema or any(map(holds, schema["anyOf"])))
        and ("oneOf" not in schema or sum(map(holds, schema["oneOf"])) == 1)
        and not ("not" in schema and holds(schema["not"]))
        and ("if" not in schema or holds(schema.get("then" if holds(schema["if"]) else "else", True)))
        and _is_of_a_type(value, as_types(schema))
        and ("enum" not in schema or any(same(value, one) for one in schema["enum"]))
        and _says(value, schema, document)
    )


def _says(value: Any, schema: Mapping[str, Any], document: Document) -> bool:
    if isinstance(value, str):
        if "format" in schema:
            refuse(place_of(schema, "format"), "a format beside a list of values cannot be enforced")
        fits = "pattern" not in schema or matches(schema["pattern"], value, place_of(schema, "pattern"))
        return fits and value not in schema.get(EXCLUDED, ()) and _all(_STRINGS, value, schema)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _all(_NUMBERS, value, schema)
    if isinstance(value, list):
        each = all(satisfies(one, item_rule(schema, place), document) for place, one in enumerate(value))
        return each and _all(_SIZES, value, schema) and not (schema.get("uniqueItems") and _has_twins(value))
    return not isinstance(value, Mapping) or _says_of_object(value, schema, document)


def _says_of_object(value: Mapping[str, Any], schema: Mapping[str, Any], document: Document) -> bool:
    names = schema.get("propertyNames", True)
    return (
        set(schema.get("required", ())) <= set(value)
        and _all(_COUNTS, value, schema)
        and all(satisfies(name, names, document) for name in value)
        and all(satisfies(one, rule_for(schema, name), document) for name, one in value.items())
        and all(
            set(needed) <= set(value) for name, needed in schema.get("dependentRequired", {}).items() if name in value
        )
        and all(
            satisfies(value, rule, document)
            for name, rule in schema.get("dependentSchemas", {}).items()
            if name in value
        )
    )


def _all(words: Mapping[str, Callable[[Any, Any], bool]], value: Any, schema: Mapping[str, Any]) -> bool:
    for word, holds in words.items():
        if word in schema:
            bound = schema[word]
            if isinstance(bound, bool) or not isinstance(bound, int | float) or (word == "multipleOf" and bound <= 0):
                refuse(place_of(schema, word), f"{word} must be a number", "correct it")
            if not holds(value, bound):
                return False
    return True


def _has_twins(values: list[Any]) -> bool:
    return any(same(one, other) for place, one in enumerate(values) for other in values[:place])


def _is_of_a_type(value: Any, kinds: list[str] | None) -> bool:
    return kinds is None or any(is_of(value, kind) for kind in kinds)


def is_of(value: Any, kind: str) -> bool:
    """Say whether a value is of a type of JSON schema."""
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    kinds: dict[str, Any] = {
        "null": type(None),
        "number": int | float,
        "string": str,
        "array": list,
        "object": Mapping,
    }
    return kind in kinds and isinstance(value, kinds[kind])
