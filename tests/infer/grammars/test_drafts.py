from __future__ import annotations

from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.infer.grammars.drafts import AT, Document, draft_of, place_of, same


@pytest.mark.parametrize(
    ("schema", "draft"),
    [
        ({}, 2020),
        (True, 2020),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, 4),
        ({"$schema": "https://json-schema.org/draft/2019-09/schema"}, 2019),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, 3),
        ({"properties": {"a": {"items": [{}]}}}, 7),
        ({"$defs": {"a": {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{}]}}}, 2020),
        ({"anyOf": [{"items": [{}]}, {"exclusiveMinimum": True}]}, 4),
    ],
)
def test_the_draft_is_the_one_it_names_or_needs(schema: Any, draft: int) -> None:
    assert draft_of(schema) == draft


def test_words_mean_what_they_do_in_their_draft() -> None:
    old = {"$schema": "http://json-schema.org/draft-04/schema#", "const": 1, "minimum": 3, "exclusiveMinimum": True}
    assert {**Document(old).root, AT: None} == {"exclusiveMinimum": 3, AT: None}
    hidden = {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "maximum": 3}
    assert "maximum" not in Document({**hidden, "definitions": {"a": {}}}).root
    assert "maximum" in Document({"$ref": "#", "maximum": 3}).root


def test_every_word_keeps_its_place() -> None:
    root = Document({"properties": {"a/b": {"items": [{}, {"const": 1}], "additionalItems": {"minimum": 2}}}}).root
    array = root["properties"]["a/b"]
    assert place_of(array, "items") == "#/properties/a~1b/additionalItems"
    assert place_of(array["prefixItems"][1]) == "#/properties/a~1b/items/1"
    assert place_of(array["prefixItems"][1], "enum") == "#/properties/a~1b/items/1/const"


def test_references_are_followed_by_pointer_anchor_and_name() -> None:
    document = Document(
        {
            "$id": "https://example.org/root",
            "$defs": {"a": {"$anchor": "here", "const": 1}, "b": {"$id": "other", "$ref": "#", "x": {"const": 2}}},
            "strange": {"place": {"const": 3}},
        }
    )
    for reference, value in (
        ("https://example.org/root#/$defs/a", 1),
        ("https://example.org/root#here", 1),
        ("https://example.org/root#/strange/place", 3),
        ("https://example.org/other#/x", 2),
    ):
        assert document.resolved(reference, "#")["enum"] == [value]
    inner = document.resolved("https://example.org/other", "#")
    assert inner["$ref"] == "https://example.org/other#"
    for absent in ("https://example.org/else", "https://example.org/root#none", "https://example.org/root#/none"):
        with pytest.raises(InputError):
            document.resolved(absent, "#/at")


def test_values_are_the_same_as_json_has_it() -> None:
    assert same([1, {"a": 1.0}], [1.0, {"a": 1}])
    assert not same(1, True)
    assert not same({"a": 0}, {"a": False})
    assert not same([0], [False])
