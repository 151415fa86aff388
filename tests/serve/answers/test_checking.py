from __future__ import annotations

from typing import Any

import pytest

from ingot.serve.answers.checking import flaw, read_json


@pytest.mark.parametrize(
    ("value", "schema", "has_flaw"),
    [
        ({"a": 1}, {"properties": {"a": {"type": "integer"}}}, False),
        ({"a": "x"}, {"properties": {"a": {"type": "integer"}}}, True),
        ("ab", {"pattern": "^a"}, False),
        ("ba", {"pattern": "^a"}, True),
        ({"x1": 1, "y": 2}, {"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}, True),
        ({"x1": 1}, {"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}, False),
        ({"x1": "1"}, {"patternProperties": {"^x": {"type": "integer"}}}, True),
        ({"y": 1}, {"additionalProperties": {"type": "string"}}, True),
        (0.07, {"multipleOf": 0.01}, False),
        (0.075, {"multipleOf": 0.01}, True),
        (3, {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 3, "exclusiveMinimum": True}, True),
        ([1, 2], {"items": [{"const": 1}], "additionalItems": False}, True),
        ([1], {"items": [{"const": 1}], "additionalItems": False}, False),
        ({"a": {"a": 1}}, {"properties": {"a": {"$ref": "#"}}, "additionalProperties": False}, False),
    ],
)
def test_what_follows_a_schema(value: Any, schema: dict[str, Any], has_flaw: bool) -> None:
    assert (flaw(value, schema) is not None) == has_flaw


def test_a_malicious_pattern_takes_no_time() -> None:
    assert flaw("a" * 5000, {"pattern": "^(a+)+$b"}) is not None


def test_nothing_is_fetched() -> None:
    with pytest.raises(Exception, match=r"(?i)unresolvable"):
        flaw({}, {"$ref": "https://example.com/schema.json"})


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "[" * 100_000])
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_json(text)
