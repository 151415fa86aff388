from __future__ import annotations

import json
import re

import pytest

from ingot.core.errors import InputError
from ingot.infer.grammar import Grammar, check, ebnf, json_object, json_schema, lark, rules_for
from ingot.infer.grammars.deterministic import determined
from ingot.infer.grammars.nodes import Alt, Ref, Repeat, Rules, Seq


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


def test_what_is_counted_is_written_once_and_by_a_rule_of_its_own() -> None:
    long = {"type": "string", "minLength": 1, "maxLength": 1000}
    text = ebnf(json_schema({"type": "object", "properties": {f"p{number}": long for number in range(200)}}))
    assert text.count("{1,1000}") == 1
    assert re.search(r"\(c\d+\)\{1,1000\}", text)


def test_what_the_library_would_take_too_long_for_is_refused() -> None:
    words = ["Red", "Blue", "Green", "Yellow", "White"]
    unanchored = "|".join(f"{one}.*{other}.*{one}" for one in words for other in words)
    with pytest.raises(InputError, match="openvino"):
        ebnf(json_schema({"type": "string", "pattern": unanchored}))


def test_texts_never_name_a_control_token_where_the_library_would_take_it_for_one() -> None:
    text = ebnf(json_schema({"type": "string"}), frozenset({"<|end|>"}))
    assert "root ::= s0q0" in text
    assert "003c" in ebnf(json_schema({"type": "string", "maxLength": 5}), frozenset({"<|end|>"}))
    assert json.loads(json_object().text) == {"type": "object"}


def test_the_library_is_never_asked_for_more_rules_than_it_can_number() -> None:
    lists = {f"l{number}": {"type": "array", "items": {"type": "null"}, "maxItems": 128} for number in range(150)}
    few = json_schema({"type": "object", "properties": dict(list(lists.items())[:20])})
    assert all(isinstance(one.part, Ref) for one in _counted(determined(rules_for(few))))
    assert ebnf(few)
    with pytest.raises(InputError, match="openvino") as caught:
        ebnf(json_schema({"type": "object", "properties": lists}))
    assert "rules" in caught.value.why


def _counted(rules: Rules) -> list[Repeat]:
    found: list[Repeat] = []
    waiting = list(rules.values())
    while waiting:
        node = waiting.pop()
        if isinstance(node, Repeat):
            waiting.append(node.part)
            if node.most is not None and node.most > 1:
                found.append(node)
        waiting += node.parts if isinstance(node, Seq) else node.options if isinstance(node, Alt) else ()
    return found
