"""The words of JSON schema, by what is done with them, and the refusal of what cannot be enforced."""

from __future__ import annotations

from typing import NoReturn

from ingot.core.errors import InputError

JSON_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
MOST_REPEATED = 1_000  # characters or items that a bound may ask for; a looser one is cut to it
DEEPEST = 64

# Every other word says nothing about which values are allowed, or is read where it matters.
REFUSED = frozenset(
    {
        *("contains", "unevaluatedItems", "unevaluatedProperties"),
        *("$dynamicRef", "$recursiveRef"),
    }
)
COMBINING = frozenset(
    {
        *("allOf", "anyOf", "oneOf", "not", "if", "then", "else"),
        *("dependentRequired", "dependentSchemas"),
    }
)
ASSERTIONS = frozenset(
    {
        *("type", "enum"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern", "format"),
        *("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
        *("properties", "required", "additionalProperties", "patternProperties", "propertyNames"),
        *("minProperties", "maxProperties"),
    }
)


def refuse(pointer: str, what: str, fix: str = "") -> NoReturn:
    """Raise the InputError for what cannot be enforced, at its place in the schema."""
    raise InputError(
        f"{what}, at {pointer}",
        where=pointer,
        why="an answer would not be held to this part of the schema",
        fix=fix or "leave it out, and check the answer yourself",
    )
