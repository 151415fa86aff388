from __future__ import annotations

import random
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.infer.grammars.alternatives import Alternatives
from ingot.infer.grammars.drafts import Document
from ingot.infer.grammars.excluding import Excluding
from ingot.infer.grammars.values import satisfies
from tests.infer.grammars.test_values import SCHEMAS, VALUES

MORE: list[Any] = [
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"enum": [1, "x"]}}, "additionalProperties": False},
    {"type": "array", "items": {"type": ["string", "integer"]}},
    {"type": "string"},
    {"enum": ["a", 1, None, {"a": 1}]},
    {"type": ["boolean", "string"], "not": {"enum": ["a", True]}},
]


def test_what_is_left_satisfies_the_one_and_not_the_other() -> None:
    draw, told = random.Random(3), 0
    several = [*SCHEMAS, *MORE]
    for _ in range(1_000):
        one, other = draw.choice(several), draw.choice(several)
        document = Document({"anyOf": [one, other], "$defs": {"a": {"type": "string"}}})
        alternatives = Alternatives(document)
        first, second = document.root["anyOf"]
        try:
            left = [rest for plain in alternatives.of(first) for rest in Excluding(alternatives).without(plain, second)]
        except InputError:
            continue
        told += bool(left)
        for value in VALUES:
            if any(satisfies(value, plain, document) for plain in left):
                assert satisfies(value, first, document), (value, one, other)
                assert not satisfies(value, second, document), (value, one, other)
    assert told > 500


@pytest.mark.parametrize(
    ("schema", "count"),
    [
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"}, 2),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, 2),
        ({"allOf": [{"anyOf": [{"const": 1}, {"const": 2}]}, {"anyOf": [{"const": 2}, {"const": 3}]}]}, 1),
        ({"allOf": [{"type": "string"}, {"type": "null"}]}, 0),
    ],
)
def test_only_what_can_be_is_an_alternative(schema: Any, count: int) -> None:
    document = Document(schema)
    assert len(Alternatives(document).of(document.root)) == count


def test_choices_without_end_are_refused() -> None:
    many = {"allOf": [{"anyOf": [{"required": [f"{i}{j}"]} for i in range(9)]} for j in range(9)]}
    document = Document(many)
    with pytest.raises(InputError, match="combine"):
        Alternatives(document).of(document.root)
