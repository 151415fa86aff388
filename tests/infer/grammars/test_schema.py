from __future__ import annotations

import json
import random
import re
from decimal import Decimal
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
        {"type": "object", "patternProperties": {"^a": {"type": "integer"}, "b$": {"minimum": 3}}},
        {"type": "object", "properties": {"ab": {}, "c": {}}, "patternProperties": {"^a": {"type": "integer"}}},
        {"type": "object", "propertyNames": {"enum": ["a", "b", "c"]}, "minProperties": 2},
        {"type": "object", "properties": {"a": {}, "bb": {}}, "propertyNames": {"maxLength": 1}},
        {"type": "object", "properties": {name: {"type": "null"} for name in "abcde"}, "minProperties": 2},
        {"type": "object", "properties": {name: {"type": "null"} for name in "abcde"}, "maxProperties": 2},
        {"type": "array", "uniqueItems": True, "items": {"enum": [1, "a", 1.0, None]}, "minItems": 2},
        {"enum": ["a", "bb", "ccc", 1], "maxLength": 2, "type": "string"},
        {"type": "integer", "multipleOf": 7, "minimum": -30, "maximum": 90},
        {"type": "number", "multipleOf": 100},
        {"type": "integer", "multipleOf": 10, "minimum": -25},
        {"type": "string", "pattern": "^[a-z]+-[a-z]*$", "minLength": 4, "maxLength": 7},
        {"type": "string", "pattern": "x", "maxLength": 4},
        {"not": {"type": ["null", "object", "array"]}},
        {"type": "string", "not": {"enum": ["", "a", "ab"]}, "maxLength": 2},
        {"type": ["boolean", "integer"], "not": {"const": True}},
        {"type": "object", "not": {"required": ["x"]}},
        {"type": "object", "properties": {"a": {}, "b": {}}, "not": {"required": ["a", "b"]}},
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": {}, "b": {}, "c": {}}},
        {"oneOf": [{"type": "array", "items": {"type": kind}} for kind in ("string", "null")]},
        {
            "oneOf": [
                {"type": "object", "additionalProperties": False, "properties": {"a": {}, name: {}}} for name in "bc"
            ]
        },
        {"oneOf": [{"type": "integer", "minimum": 3}, {"type": "integer", "maximum": 5}]},
        {
            "properties": {"kind": {"enum": ["a", "b"]}, "a": {"type": "null"}, "b": {"type": "null"}},
            "required": ["kind"],
            "allOf": [
                {"if": {"properties": {"kind": {"const": kind}}}, "then": {"required": [kind]}} for kind in ("a", "b")
            ],
        },
        {"if": {"type": "string"}, "then": {"maxLength": 3}, "else": {"type": "null"}},
        {"properties": {"a": {}, "b": {}, "c": {}}, "dependentRequired": {"a": ["b", "c"], "b": ["c"]}},
        {"properties": {"a": {}, "b": {}}, "dependentSchemas": {"a": {"properties": {"b": {"const": 1}}}}},
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "properties": {"a": {}, "b": {}},
            "dependencies": {"a": ["b"], "b": {"properties": {"a": {"const": 1}}}},
        },
        {
            "$schema": "http://json-schema.org/draft-04/schema#",
            "id": "http://example.org/root",
            "type": "integer",
            "allOf": [{"$ref": "#small"}, {"$ref": "http://example.org/root#/definitions/large"}],
            "definitions": {
                "small": {"id": "#small", "maximum": 9, "exclusiveMaximum": True},
                "large": {"minimum": 3},
                "wrong": {"type": "any"},
            },
        },
        {
            "$id": "https://example.org/a/",
            "properties": {"x": {"$ref": "b"}},
            "$defs": {
                "b": {"$id": "b", "type": "array", "items": {"$ref": "#/$defs/c"}, "$defs": {"c": {"const": "inner"}}},
                "c": {"const": "outer"},
            },
        },
        {
            "allOf": [
                {"additionalProperties": False, "properties": {"a": {"type": "integer"}, "b": {}}},
                {"properties": {"a": {"minimum": 4}, "c": {}}, "additionalProperties": {"type": "null"}},
            ]
        },
        {
            "$defs": {
                "base": {"type": "object", "properties": {"next": {"$ref": "#/$defs/base"}, "n": {"type": "null"}}},
                "whole": {
                    "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"next": {"$ref": "#/$defs/whole"}}}],
                },
            },
            "$ref": "#/$defs/whole",
        },
        True,
        {},
        {"type": "object"},
    ],
)
def test_combinations_mean_what_they_say(schema: Any) -> None:
    assert all(is_valid(value, schema) for value in texts(schema))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^(a|bc)+$", "maxLength": 3},
        {"type": "string", "pattern": "^([a-z-]+):([a-z.]+):([a-z]+)?:([a-z-]+)$", "minLength": 9, "maxLength": 20},
        {"type": "string", "pattern": "^(?:\\S+\\s+){0,9}\\S+$", "maxLength": 30},
        {"type": "string", "pattern": "^[a-z]{1,8}(\\.[a-z]{1,8}){1,3}$", "minLength": 5, "maxLength": 12},
        {"type": "string", "format": "email", "maxLength": 40},
        {"type": "number", "minimum": 0, "maximum": 1.7976931348623157e308},
        {"type": "integer", "minimum": -9223372036854775808, "maximum": 9223372036854775807},
    ],
)
def test_bounds_are_kept_together_with_what_else_is_said(schema: Any) -> None:
    assert all(is_valid(value, schema) for value in texts(schema, 200))


@pytest.mark.parametrize("kind", ["duration", "regex", "json-pointer", "relative-json-pointer", "iri-reference"])
def test_formats_are_followed_as_they_are_specified(kind: str) -> None:
    forms = {
        "duration": r"P(\d+W|\d+D|(\d+D)?T\d+[HMS])",
        "json-pointer": r"(/([^~/]|~[01])*)*",
        "relative-json-pointer": r"(0|[1-9]\d*)(#|(/([^~/]|~[01])*)*)",
        "iri-reference": r"(https?|ftp)://[^\s/?#]+(/[^\s?#]*)?(\?\S*)?",
    }
    for value in texts({"type": "string", "format": kind}, 100):
        assert re.compile(value) if kind == "regex" else re.fullmatch(forms[kind], value)


def test_multiples_of_a_tenth_are_exact() -> None:
    schema = {"type": "number", "multipleOf": 0.01, "minimum": -5, "exclusiveMaximum": 99999999999.99}
    rules = rules_of(schema)
    written = {TextSampler(rules, seed).text() for seed in range(300)}
    assert all(Decimal(one) % Decimal("0.01") == 0 and -5 <= Decimal(one) < 99999999999.99 for one in written)
    assert any("." in one for one in written)
    assert all(Decimal(repr(float(one))) == Decimal(one) for one in written)


def test_a_property_that_is_asked_for_is_there_and_others_may_be() -> None:
    schema = {"type": "object", "properties": {name: {"const": 1} for name in "abcd"}, "required": ["b"]}
    seen = {tuple(value) for value in texts(schema, 100)}
    assert all("b" in names for names in seen)
    assert len(seen) == 8


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
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
        ({"not": {"format": "date"}, "type": "string"}, "#/not"),
        ({"if": {"pattern": "a"}, "then": {"maxLength": 3}, "type": "string"}, "#/if"),
        ({"allOf": [{"items": {"contains": {"const": 1}}}, {"maxItems": 3}]}, "#/allOf/0/items/contains"),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "#/$schema"),
        ({"$id": "https://example.org/a", "$ref": "https://example.org/b"}, "#/$ref"),
        ({"$ref": "#absent"}, "#/$ref"),
        ({"required": [1]}, "#/required"),
        ({"dependentRequired": {"a": "b"}}, "#/dependentRequired"),
        ({"type": "array", "uniqueItems": True, "items": {"type": "string"}}, "#/uniqueItems"),
        ({"type": "object", "minProperties": 2}, "#/minProperties"),
        ({"type": "object", "patternProperties": {"(?=a)": {}}, "properties": {"a": {}}}, "#/patternProperties"),
        ({"minimum": 5, "exclusiveMinimum": True, "$schema": "https://json-schema.org/draft/2020-12/schema"}, "#/exc"),
        ({"items": [{}], "$schema": "https://json-schema.org/draft/2020-12/schema"}, "#/items"),
        ({"type": "string", "pattern": "(?=a)b"}, "#/pattern"),
        ({"type": "string", "pattern": "^(abc|bcd)+$", "maxLength": 2}, "#/maxLength"),
        ({"type": "number", "multipleOf": 0.03}, "#/multipleOf"),
        ({"type": "number", "minimum": 1e15}, "#/minimum"),
        ({"type": "text"}, "#/type"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "#"),
        ({"type": "string", "minLength": -1}, "#/minLength"),
        ({"type": "integer", "minimum": 1e300}, "#/minimum"),
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
    wide = {"type": "object", "properties": {f"p{i}": {"type": "string", "maxLength": 1000 - i} for i in range(400)}}
    deep: Any = {"type": "null"}
    for _ in range(80):
        deep = {"type": "array", "items": deep}
    for schema in (wide, deep):
        with pytest.raises(InputError):
            rules_of(schema)
