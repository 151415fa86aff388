from __future__ import annotations

import random
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.infer.grammars.drafts import Document
from ingot.infer.grammars.values import satisfies

jsonschema = pytest.importorskip("jsonschema")

VALUES: list[Any] = [
    *(None, True, False, 0, 1, 2.5, -3, 1.0, "", "a", "abc", "é"),
    *([], [1], ["a", "a"], [1, True], {}, {"a": 1}, {"a": "x", "b": None}, {"b": [1]}),
]
SCHEMAS: list[Any] = [
    {"type": ["integer", "null"]},
    {"minimum": 1, "multipleOf": 0.5},
    {"exclusiveMaximum": 1},
    {"minLength": 1, "maxLength": 2, "pattern": "^[a-zé]+$"},
    {"items": {"type": "integer"}, "minItems": 1},
    {"prefixItems": [{"const": 1}], "items": False},
    {"uniqueItems": True, "type": "array"},
    {"required": ["a"], "properties": {"a": {"type": "integer"}}},
    {"additionalProperties": {"type": "array"}, "patternProperties": {"^a": {}}},
    {"propertyNames": {"enum": ["a"]}, "maxProperties": 1},
    {"dependentRequired": {"a": ["b"]}},
    {"dependentSchemas": {"b": {"minProperties": 2}}},
    {"if": {"type": "string"}, "then": {"minLength": 1}, "else": {"type": "number"}},
    {"oneOf": [{"type": "number"}, {"type": "integer"}, {"type": "object"}]},
    {"anyOf": [{"const": 1}, {"const": False}], "not": {"type": "boolean"}},
    {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"type": "string"}}},
    False,
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_it_agrees_with_the_validator(schema: Any) -> None:
    document = Document(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for value in VALUES:
        assert satisfies(value, document.root, document) == validator.is_valid(value), (value, schema)


def test_it_agrees_on_combinations_too() -> None:
    draw = random.Random(5)
    for _ in range(300):
        schema = {
            draw.choice(["anyOf", "allOf", "oneOf"]): draw.sample(SCHEMAS[:-2], 3),
            "not": draw.choice(SCHEMAS[:-2]),
        }
        document, validator = Document(schema), jsonschema.Draft202012Validator(schema)
        for value in VALUES:
            assert satisfies(value, document.root, document) == validator.is_valid(value), (value, schema)


def test_what_it_cannot_decide_is_refused() -> None:
    for schema in ({"contains": {}}, {"type": "string", "format": "date"}):
        document = Document(schema)
        with pytest.raises(InputError):
            satisfies("2020-01-01", document.root, document)
