from __future__ import annotations

import json

import pytest

from ingot.core.errors import InputError
from ingot.infer.grammar import Grammar, check, ebnf, json_object, json_schema, lark, rules_for


def test_what_was_read_is_kept_and_bounded() -> None:
    rules_for.cache_clear()
    for number in range(200):
        rules_for(json_schema({"const": number}))
    assert rules_for.cache_info().currsize == rules_for.cache_info().maxsize == 64


def test_a_schema_that_is_no_json_is_refused_by_name() -> None:
    for text in ("{", '{"const": NaN}', "[" * 100_000):
        with pytest.raises(InputError):
            rules_for(Grammar("json_schema", text))
    with pytest.raises(InputError, match="characters"):
        rules_for(json_schema({"const": "x" * 300_000}))


def test_checking_says_the_place() -> None:
    check({"type": "object"})
    with pytest.raises(InputError, match="not") as caught:
        check({"items": {"not": {}}})
    assert caught.value.where == "#/items/not"
    circle: dict[str, object] = {}
    circle["items"] = circle
    with pytest.raises(InputError):
        check(circle)


def test_an_expression_holds_the_whole_text() -> None:
    assert lark(Grammar("regex", "ab?")) == "start: /a(b)?/"
    with pytest.raises(InputError, match="no text"):
        rules_for(Grammar("regex", "[^\\x01-\\x7f\\s]"))


def test_what_would_end_the_process_of_the_library_is_refused() -> None:
    long = {"type": "string", "minLength": 1, "maxLength": 1000}
    schema = json_schema({"type": "object", "properties": {f"p{number}": long for number in range(8)}})
    assert rules_for(schema)
    with pytest.raises(InputError, match="openvino"):
        ebnf(schema)


def test_texts_never_name_a_control_token_where_the_library_would_take_it_for_one() -> None:
    text = ebnf(json_schema({"type": "string"}), frozenset({"<|end|>"}))
    assert "root ::= s0q0" in text
    assert "003c" in ebnf(json_schema({"type": "string", "maxLength": 5}), frozenset({"<|end|>"}))
    assert json.loads(json_object().text) == {"type": "object"}
