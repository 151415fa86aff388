"""Two plain schemas for one value: one that says both.

A plain schema has no references and no choices: only words that each say something about the value, and, for what is
inside of it, further schemas. Those are joined by `allOf`, to be merged when their turn comes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ingot.infer.grammars.drafts import AT, place_of, same
from ingot.infer.grammars.matching import matches
from ingot.infer.grammars.words import ASSERTIONS, REFUSED, refuse

_LARGER = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_SMALLER = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_NAMES = ("properties", "patternProperties", "additionalProperties")
_ITEMS = ("prefixItems", "items")
EXCLUDED = " excluded"  # texts that a string must not be: what is left of a `not`
PLAIN = ASSERTIONS | REFUSED | {EXCLUDED}

Plain = Mapping[str, Any]


def all_of(one: Any, other: Any) -> Any:
    """Return the schema of what two schemas inside of a value both say."""
    if one is False or other is False:
        return False
    said = [part for part in (one, other) if part is not True and set(part) != {AT} and part]
    if len(said) < 2:
        return said[0] if said else True
    if one == other:
        return one
    parts = [inside for part in said for inside in (part["allOf"] if _is_made_of_parts(part) else [part])]
    return {AT: {"": place_of(said[0])}, "allOf": parts}


def _is_made_of_parts(schema: Mapping[str, Any]) -> bool:
    return set(schema) == {AT, "allOf"}


def both(one: Plain, other: Plain) -> Plain | None:
    """Return the plain schema of what satisfies both; None when it is plain that nothing does.

    Raises InputError for two words that cannot be said as one.
    """
    if set(other) <= {AT}:
        return one
    if set(one) <= {AT}:
        return other
    merged: dict[str, Any] = {}
    if any(word in schema for word in _NAMES for schema in (one, other)):
        merged |= _names(one, other)
    if any(word in schema for word in _ITEMS for schema in (one, other)):
        merged |= _items(one, other)
    for word in PLAIN - {*_NAMES, *_ITEMS}:
        if word in one and word in other:
            merged[word] = _both_words(word, one, other)
        elif word in one or word in other:
            merged[word] = one[word] if word in one else other[word]
    if merged.get("type") == [] or merged.get("enum") == [] or _lacks(merged):
        return None
    return merged | {AT: _places(one, other)}


def _lacks(merged: Plain) -> bool:
    """Say whether a property that must be there cannot be."""
    properties, required = merged.get("properties", {}), merged.get("required", ())
    only_objects = as_types(merged) == ["object"]
    return only_objects and any(properties.get(name) is False for name in required if isinstance(name, str))


def _places(one: Plain, other: Plain) -> dict[str, str]:
    mine, theirs = one.get(AT, {"": "#"}), other.get(AT, {"": "#"})
    if mine[""] == theirs[""]:
        return {**theirs, **mine}
    return {**{word: place_of(other, word) for word in other if word != AT}, **_kept(one), "": mine[""]}


def _kept(one: Plain) -> dict[str, str]:
    return {word: place_of(one, word) for word in one if word != AT}


def as_types(schema: Plain) -> list[str] | None:
    """Return the types a schema names, or None for all."""
    kinds = schema.get("type")
    return [kinds] if isinstance(kinds, str) else kinds


def _both_words(word: str, one: Plain, other: Plain) -> Any:
    mine, theirs = one[word], other[word]
    if word == "type":
        return _types(as_types(one) or [], as_types(other) or [])
    if word == "enum":
        return [value for value in mine if any(same(value, their) for their in theirs)]
    if word in ("required", EXCLUDED):
        return list(dict.fromkeys([*mine, *theirs]))
    if same(mine, theirs):
        return mine
    if word in _LARGER or word in _SMALLER:
        return max(mine, theirs) if word in _LARGER else min(mine, theirs)
    if word == "propertyNames":
        return all_of(mine, theirs)
    if word == "uniqueItems":
        return bool(mine or theirs)
    if word == "multipleOf" and all(isinstance(value, int) and value > 0 for value in (mine, theirs)):
        return math.lcm(mine, theirs)
    refuse(place_of(one, word), f"two schemas disagree on {word!r}, and cannot be enforced together")


def _types(mine: list[str], theirs: list[str]) -> list[str]:
    kept = [kind for kind in mine if kind in theirs or (kind == "integer" and "number" in theirs)]
    return kept + [kind for kind in theirs if kind == "integer" and "number" in mine and kind not in mine]


def _names(one: Plain, other: Plain) -> dict[str, Any]:
    """Join what two schemas say about the properties of an object, name by name."""
    listed = dict.fromkeys([*one.get("properties", {}), *other.get("properties", {})])
    patterns = dict.fromkeys([*one.get("patternProperties", {}), *other.get("patternProperties", {})])
    said: dict[str, Any] = {"properties": {name: all_of(rule_for(one, name), rule_for(other, name)) for name in listed}}
    extra = [schema.get("additionalProperties", True) for schema in (one, other)]
    if patterns:
        for mine, theirs in ((one, other), (other, one)):
            beyond = set(patterns) - set(mine.get("patternProperties", {}))
            if beyond and mine.get("additionalProperties", True) is not True and mine.get("additionalProperties"):
                place = place_of(theirs, "patternProperties")
                refuse(place, "patternProperties beside the additionalProperties of another schema cannot be enforced")
        said["patternProperties"] = {
            pattern: all_of(_patterned(one, pattern), _patterned(other, pattern)) for pattern in patterns
        }
    said["additionalProperties"] = all_of(*extra)
    return said


def _patterned(schema: Plain, pattern: str) -> Any:
    patterns = schema.get("patternProperties", {})
    if pattern in patterns:
        return patterns[pattern]
    # Names of a pattern that this schema does not have are further names to it. Some of them may match another of its
    # patterns, and be allowed by that: they are left out.
    return schema.get("additionalProperties") is not False


def rule_for(schema: Plain, name: str) -> Any:
    """Return the schema of a property: by its name, by every pattern it matches, or as a further one."""
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    rules = [properties[name]] if name in properties else []
    rules += [
        rule for pattern, rule in patterns.items() if matches(pattern, name, f"{place_of(schema, 'patternProperties')}")
    ]
    if not rules:
        return schema.get("additionalProperties", True)
    whole = rules[0]
    for rule in rules[1:]:
        whole = all_of(whole, rule)
    return whole


def _items(one: Plain, other: Plain) -> dict[str, Any]:
    """Join what two schemas say about the items of an array, place by place."""
    longest = max(len(one.get("prefixItems", ())), len(other.get("prefixItems", ())))
    first = [all_of(item_rule(one, place), item_rule(other, place)) for place in range(longest)]
    rest = all_of(one.get("items", True), other.get("items", True))
    return {"items": rest, **({"prefixItems": first} if first else {})}


def item_rule(schema: Plain, place: int) -> Any:
    """Return the schema of the item at a place."""
    first = schema.get("prefixItems", ())
    return first[place] if place < len(first) else schema.get("items", True)
