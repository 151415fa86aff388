from __future__ import annotations

import json
import random
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.infer.grammars.schema import rules_of
from tests.infer.grammars.samples import TextSampler, random_schema

jsonschema = pytest.importorskip("jsonschema")


def texts(schema: Any, count: int = 12) -> list[Any]:
    rules = rules_of(schema)
    return [json.loads(TextSampler(rules, seed).text()) for seed in range(count)]


def is_valid(value: Any, schema: Any) -> bool:
    latest = jsonschema.Draft202012Validator
    validator = jsonschema.validators.validator_for(schema, default=latest)
    return bool(validator(schema, format_checker=latest.FORMAT_CHECKER).is_valid(value))


def test_every_text_of_a_random_schema_is_valid() -> None:
    refused = 0
    for seed in range(400):
        schema = random_schema(random.Random(seed))
        try:
            values = texts(schema, 3)
        except InputError:
            refused += 1
            continue
        assert all(is_valid(value, schema) for value in values), schema
    assert refused < 40


TREE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name", "children"],
        }
    },
    "$ref": "#/$defs/node",
}


@pytest.mark.parametrize(
    "schema",
    [
        TREE,
        {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}}, {"required": ["a"]}]},
        {"type": "number", "allOf": [{"minimum": 3}, {"maximum": 4}]},
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"const": kind}, kind: {"type": "null"}},
                    "required": ["kind"],
                }
                for kind in ("a", "b")
            ]
        },
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/b~1c"}}, "$defs": {"b/c": {"enum": [1]}}},
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "array",
            "items": [{"const": 1}, {"const": 2}],
            "additionalItems": False,
            "minItems": 2,
        },
        {"type": "object", "patternProperties": {"^x_[a-z]{2,3}$": {"type": "boolean"}}},
        {"type": "object", "propertyNames": {"pattern": "^[a-c]{2}$"}, "minProperties": 1, "maxProperties": 3},
        {"properties": {"a": True}, "required": ["a", "b"]},
        {"type": ["object", "null"], "properties": {"a": False, "b": {"type": "string", "maxLength": 2}}},
        {"anyOf": [{"minimum": 3}, {"type": "null"}], "type": ["integer", "null"]},
        True,
        {},
        {"type": "object"},
    ],
)
def test_combinations_mean_what_they_say(schema: Any) -> None:
    assert all(is_valid(value, schema) for value in texts(schema))


def test_a_property_that_is_asked_for_is_there_and_others_may_be() -> None:
    schema = {"type": "object", "properties": {name: {"const": 1} for name in "abcd"}, "required": ["b"]}
    seen = {tuple(value) for value in texts(schema, 100)}
    assert all("b" in names for names in seen)
    assert len(seen) == 8


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"not": {"type": "null"}}, "#/not"),
        ({"type": "array", "uniqueItems": True}, "#/uniqueItems"),
        (
            {"type": "object", "properties": {"a/b": {"type": "number", "multipleOf": 3}}},
            "#/properties/a~1b/multipleOf",
        ),
        ({"$ref": "https://example.org/schema"}, "#/$ref"),
        ({"$ref": "other.json#/a"}, "#/$ref"),
        ({"$ref": "#/$defs/absent"}, "#/$ref"),
        ({"$ref": "#"}, "#"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "#"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "#"),
        ({"allOf": [{"$ref": "#"}], "type": "string"}, "#"),
        ({"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]}, "#/oneOf"),
        ({"if": {"type": "string"}}, "#/if"),
        ({"type": "string", "pattern": "(?=a)b"}, "#/pattern"),
        ({"type": "string", "pattern": "^a+$", "maxLength": 3}, "#/maxLength"),
        ({"type": "string", "format": "duration"}, "#/format"),
        ({"type": "text"}, "#/type"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "#"),
        ({"type": "object", "patternProperties": {"a": {}, "b": {}}}, "#/patternProperties"),
        ({"type": "object", "properties": {"a": {}}, "minProperties": 1}, "#/minProperties"),
        ({"type": "string", "minLength": -1}, "#/minLength"),
        ({"type": "integer", "minimum": 1e300}, "#/minimum"),
        ({"enum": ["a"], "pattern": "b"}, "#/pattern"),
        ({"items": 3}, "#/items"),
        (False, "#"),
        ("string", "#"),
    ],
)
def test_what_cannot_be_enforced_is_refused_with_its_place(schema: Any, pointer: str) -> None:
    with pytest.raises(InputError) as caught:
        rules_of(schema)
    assert caught.value.where.startswith(pointer)
    assert caught.value.fix


def test_a_schema_that_would_grow_is_refused() -> None:
    wide = {"type": "object", "properties": {f"p{i}": {"type": "string", "maxLength": 1000} for i in range(400)}}
    deep: Any = {"type": "null"}
    for _ in range(80):
        deep = {"type": "array", "items": deep}
    for schema in (wide, deep):
        with pytest.raises(InputError):
            rules_of(schema)
