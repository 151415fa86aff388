"""From a JSON schema to the rules of a grammar.

The grammar allows only texts the schema allows; where a schema is generous it may allow fewer: one way to write blanks,
no properties beside those a schema names, numbers of at most 15 digits, items that must differ in the order of their
list. A keyword whose meaning would be lost is refused with its place in the schema, before anything is computed.
Recursive schemas become recursive rules; those that never come to an end are refused.
Source: JSON Schema Core and Validation 2020-12, section 10 (applicators) and section 6 (assertions).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ingot.infer.grammars.alternatives import Alternatives
from ingot.infer.grammars.drafts import AT, Document, place_of
from ingot.infer.grammars.listings import exactly, fields, listing
from ingot.infer.grammars.merge import EXCLUDED, Plain, all_of, as_types, rule_for
from ingot.infer.grammars.nodes import (
    NOTHING,
    ROOT,
    Lexeme,
    Node,
    Ref,
    Rules,
    Seq,
    Text,
    choice,
    pruned,
    size_together,
)
from ingot.infer.grammars.regex import MOST_STATES
from ingot.infer.grammars.scalars import number, string
from ingot.infer.grammars.values import satisfies
from ingot.infer.grammars.words import DEEPEST, JSON_TYPES, MOST_REPEATED, refuse

MOST_CHARACTERS = 200_000
_MOST_RULES = 8_000
_COLON = Lexeme(Text(": "))


def rules_of(schema: Any) -> Rules:
    """Return the rules for the texts a schema allows. Raises InputError naming what cannot be enforced."""
    rules = _Compiler(Document(schema)).rules()
    if size_together(rules) > 10 * MOST_STATES:
        refuse("#", f"the schema needs an automaton of more than {10 * MOST_STATES} states")
    living = pruned(rules)
    if not living:
        refuse("#", "no finite value satisfies this schema", "correct it: rules exclude or only repeat one another")
    return living


class _Compiler:
    """One schema on its way; every part that is used more than once, or asks for itself, gets a rule of its own."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._alternatives = Alternatives(document)
        self._rules: dict[str, Node] = {}
        self._names: dict[str, str] = {}

    def rules(self) -> Rules:
        root = self._node(self._document.root, 0)
        return {ROOT: root, **self._rules}

    def _rule(self, key: str, make: Callable[[], Node]) -> Ref:
        """Return a reference to the rule of this key, which is made when it is first asked for."""
        if key not in self._names:
            name = self._names[key] = f"r{len(self._rules)}"
            self._add(name, NOTHING)  # until it is known: a rule that asks for itself meanwhile refers to it
            self._rules[name] = make()
        return Ref(self._names[key])

    def _new_rule(self, node: Node) -> Ref:
        name = f"r{len(self._rules)}"
        self._add(name, node)
        return Ref(name)

    def _add(self, name: str, node: Node) -> None:
        if len(self._rules) >= _MOST_RULES:
            refuse("#", f"the schema needs more than {_MOST_RULES} rules")
        self._rules[name] = node

    def _node(self, schema: Any, depth: int) -> Node:
        if schema is True or schema is False:
            return self._any() if schema else NOTHING
        if depth > DEEPEST:
            refuse(place_of(schema), f"the schema is nested more than {DEEPEST} deep")
        if len(schema.get("allOf", ())) > 1:
            # What was merged is known by its parts: a schema that comes back to it, comes back to this rule.
            return self._rule(json.dumps(schema, sort_keys=True), lambda: self._either(schema, depth))
        return self._either(schema, depth)

    def _either(self, schema: Mapping[str, Any], depth: int) -> Node:
        found = self._alternatives.of(schema)
        return choice([self._alternative(one, depth) for one in found]) if found else NOTHING

    def _alternative(self, plain: Plain, depth: int) -> Node:
        if "$ref" in plain:
            target = self._alternatives.target(plain)
            if isinstance(target, bool):
                return self._node(target, depth)
            return self._rule(place_of(target), lambda: self._either(target, 0))
        if set(plain) <= {AT}:
            return self._any()
        if "enum" in plain:
            return self._listed(plain)
        kinds = as_types(plain) or _implied(plain)
        return choice(
            [self._of_kind(kind, plain, depth) for kind in kinds if not (kind == "integer" and "number" in kinds)]
        )

    def _of_kind(self, kind: str, plain: Plain, depth: int) -> Node:
        if kind == "null":
            return Lexeme(Text("null"))
        if kind == "boolean":
            return choice([Lexeme(Text("true")), Lexeme(Text("false"))])
        if kind in ("integer", "number"):
            return Lexeme(number(plain, kind == "integer"))
        if kind == "string":
            return Lexeme(string(plain))
        return self._array(plain, depth) if kind == "array" else self._object(plain, depth)

    def _any(self) -> Node:
        return self._rule("any", lambda: self._either({AT: {"": "#"}, "type": list(JSON_TYPES)}, 0))

    def _listed(self, plain: Plain) -> Node:
        values = self._values(plain)
        return choice([exactly(value) for value in values]) if values else NOTHING

    def _values(self, plain: Plain) -> list[Any]:
        return [value for value in plain["enum"] if satisfies(value, plain, self._document)]

    # Arrays

    def _array(self, plain: Plain, depth: int) -> Node:
        first, rest = plain.get("prefixItems", []), plain.get("items", True)
        least, most = plain.get("minItems", 0), plain.get("maxItems")
        if plain.get("uniqueItems") and (most is None or most > 1):
            return self._different_items(plain, least, most)
        if least > MOST_REPEATED:
            refuse(place_of(plain, "minItems"), f"more than {MOST_REPEATED} items are asked for")
        if rest is False or (first and least <= len(first)):
            most = len(first) if most is None else min(most, len(first))
        if most is not None and most < least:
            return NOTHING
        first = first if most is None else first[:most]
        fixed = [self._node(one, depth + 1) for one in first]
        more = None if most is not None and most <= len(fixed) else self._node(rest, depth + 1)
        return _in_brackets(listing(fixed, more, least, most))

    def _different_items(self, plain: Plain, least: int, most: int | None) -> Node:
        """Return arrays of items that must differ: each value of a list at most once, in the order of the list."""
        values = [] if plain.get("prefixItems") else self._enumerated(plain.get("items", True))
        if not values:
            refuse(
                place_of(plain, "uniqueItems"),
                "the keyword 'uniqueItems' cannot be enforced but for items out of a list",
                "leave it out, or list the items with enum",
            )
        return _in_brackets(fields([(False, exactly(value)) for value in values], least, most, self._new_rule))

    def _enumerated(self, schema: Any) -> list[Any]:
        """Return all values of a schema that lists them; none for every other schema."""
        if isinstance(schema, bool):
            return []
        plains = [one for part in self._alternatives.of(schema) for one in self._alternatives.followed(part)]
        if not all("enum" in plain or as_types(plain) == ["boolean"] for plain in plains):
            return []
        listed = [value for plain in plains for value in (self._values(plain) if "enum" in plain else [True, False])]
        return [value for place, value in enumerate(listed) if not any(_equal(value, one) for one in listed[:place])]

    # Objects

    def _object(self, plain: Plain, depth: int) -> Node:
        properties, required = plain.get("properties", {}), plain.get("required", [])
        key = plain.get("propertyNames", True)
        if not required and all(rule is False for rule in properties.values()):
            names = self._enumerated(key)
            if not names:
                return self._map(plain, list(properties), depth)
            properties = {str(name): rule_for(plain, str(name)) for name in names}
        found: list[tuple[bool, Node]] = []
        for name in dict.fromkeys([*properties, *required]):
            is_allowed = satisfies(name, key, self._document)
            value = self._node(rule_for(plain, name), depth + 1) if is_allowed else NOTHING
            if value != NOTHING:
                found.append((name in required, Seq((exactly(name), _COLON, value))))
            elif name in required:
                return NOTHING
        written = fields(found, plain.get("minProperties", 0), plain.get("maxProperties"), self._new_rule)
        return _in_braces(written) if written != NOTHING else NOTHING

    def _map(self, plain: Plain, forbidden: list[str], depth: int) -> Node:
        """Return an object of any keys: those of some patterns, or all alike."""
        patterns = plain.get("patternProperties", {})
        least, most = plain.get("minProperties", 0), plain.get("maxProperties")
        if least > 1:
            place = place_of(plain, "minProperties")
            refuse(place, "several names of free choice could be the same one", "name the properties")
        key: Any = all_of(plain.get("propertyNames", True), {AT: {"": place_of(plain)}, "type": "string"})
        inner = plain.get("additionalProperties", True)
        if patterns:
            # A name may fall under several patterns: each value is held to the rules of all.
            place = place_of(plain, "patternProperties")
            names = [{AT: {"": place, "pattern": place}, "type": "string", "pattern": one} for one in patterns]
            key = all_of(key, names[0] if len(names) == 1 else {AT: {"": place}, "anyOf": names})
            inner = True
            for rule in patterns.values():
                inner = all_of(inner, rule)
        if forbidden:
            key = all_of(key, {AT: {"": place_of(plain, "properties")}, EXCLUDED: forbidden})
        value = self._node(inner, depth + 1) if inner is not False and most != 0 else NOTHING
        if value == NOTHING:
            return NOTHING if least else _in_braces(Seq(()))
        field = Seq((self._node(key, depth + 1), _COLON, value))
        return _in_braces(listing([], field, least, most))


def _in_brackets(node: Node) -> Node:
    return Seq((Lexeme(Text("[")), node, Lexeme(Text("]")))) if node != NOTHING else NOTHING


def _in_braces(node: Node) -> Node:
    return Seq((Lexeme(Text("{")), node, Lexeme(Text("}"))))


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other)  # stricter than JSON schema, to which 1 and true differ: some libraries disagree


def _implied(plain: Plain) -> list[str]:
    """Return the types a schema without one is about: a rule about strings lets every number pass, and says nothing."""
    about = {
        "object": {"properties", "required", "additionalProperties", "patternProperties", "propertyNames"},
        "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"},
        "string": {"minLength", "maxLength", "pattern", "format", EXCLUDED},
        "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    }
    about["object"] |= {"minProperties", "maxProperties"}
    return [kind for kind, words in about.items() if words & set(plain)] or list(JSON_TYPES)
