"""From a JSON schema (2020-12, and what draft 7 wrote otherwise) to the rules of a grammar.

The grammar allows only texts the schema allows; where a schema is generous it may allow fewer: one way to write blanks,
no properties beside those a schema names, numbers of at most 15 digits. A keyword whose meaning would be lost is
refused with its place in the schema, before anything is computed. Recursive schemas become recursive rules; those that
never come to an end are refused.
Source: JSON Schema Core and Validation 2020-12, section 10 (applicators) and section 6 (assertions).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from ingot.infer.grammars.merge import NotOneError, both, exclude_each_other
from ingot.infer.grammars.nodes import (
    EMPTY,
    NOTHING,
    ROOT,
    Lexeme,
    Node,
    Ref,
    Repeat,
    Rules,
    Seq,
    Text,
    choice,
    optional,
    pruned,
    sequence,
    size,
)
from ingot.infer.grammars.regex import MOST_STATES
from ingot.infer.grammars.scalars import count, number, string
from ingot.infer.grammars.words import ANNOTATIONS, ASSERTIONS, JSON_TYPES, MOST_REPEATED, REFUSED, refuse

MOST_CHARACTERS = 200_000
_DEEPEST = 64
_MOST_RULES = 4_000
_VALUE = "value"


def rules_of(schema: Any) -> Rules:
    """Return the rules for the texts a schema allows. Raises InputError naming what cannot be enforced."""
    compiler = _Compiler(schema)
    rules = compiler.rules()
    if sum(map(size, rules.values())) > 10 * MOST_STATES:
        refuse("#", f"the schema needs an automaton of more than {10 * MOST_STATES} states")
    living = pruned(rules)
    if not living:
        refuse("#", "no finite value satisfies this schema", "correct it: rules exclude or only repeat one another")
    return living


class _Compiler:
    """One schema on its way; every part that is used more than once, or asks for itself, gets a rule of its own."""

    def __init__(self, schema: Any) -> None:
        self._document = schema
        self._rules: dict[str, Node] = {}
        self._names: dict[str, str] = {}

    def rules(self) -> Rules:
        root = self._node(self._document, "#", 0)
        return {ROOT: root, **self._rules}

    def _rule(self, key: str, make: Any) -> Ref:
        """Return a reference to the rule of this key, which is made when it is first asked for."""
        if key not in self._names:
            if len(self._names) >= _MOST_RULES:
                refuse("#", f"the schema needs more than {_MOST_RULES} rules")
            name = self._names[key] = f"r{len(self._names)}"
            self._rules[name] = NOTHING  # until it is known: a rule that asks for itself meanwhile refers to it
            self._rules[name] = make()
        return Ref(self._names[key])

    def _node(self, schema: Any, pointer: str, depth: int) -> Node:
        if depth > _DEEPEST:
            refuse(pointer, f"the schema is nested more than {_DEEPEST} deep")
        if schema is True or schema == {}:
            return self._any()
        if schema is False:
            return NOTHING
        if not isinstance(schema, Mapping):
            refuse(pointer, "a schema must be an object or a boolean", "write a schema there")
        for word in REFUSED.intersection(schema):
            refuse(f"{pointer}/{word}", f"the keyword {word!r} cannot be enforced")
        if "$ref" in schema:
            return self._reference(schema, pointer, depth)
        for word in ("allOf", "anyOf", "oneOf"):
            if word in schema:
                return self._combined(schema, word, pointer, depth)
        if "const" in schema or "enum" in schema:
            return self._listed(schema, pointer)
        kinds = self._kinds(schema, pointer)
        return choice([self._of_kind(kind, schema, pointer, depth) for kind in kinds])

    def _kinds(self, schema: Mapping[str, Any], pointer: str) -> list[str]:
        kinds = schema.get("type")
        if kinds is None:
            kinds = _implied(schema)
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if not isinstance(kinds, list) or not kinds or any(kind not in JSON_TYPES for kind in kinds):
            refuse(f"{pointer}/type", f"{kinds!r} is no type", f"name one of {', '.join(JSON_TYPES)}")
        return [kind for kind in kinds if not (kind == "integer" and "number" in kinds)]

    def _of_kind(self, kind: str, schema: Mapping[str, Any], pointer: str, depth: int) -> Node:
        if kind == "null":
            return Lexeme(Text("null"))
        if kind == "boolean":
            return choice([Lexeme(Text("true")), Lexeme(Text("false"))])
        if kind in ("integer", "number"):
            return Lexeme(number(schema, kind == "integer", pointer))
        if kind == "string":
            return Lexeme(string(schema, pointer))
        return self._array(schema, pointer, depth) if kind == "array" else self._object(schema, pointer, depth)

    def _any(self) -> Node:
        return self._rule(_VALUE, lambda: self._node({"type": list(JSON_TYPES)}, "#", 0))

    # References and combinations

    def _reference(self, schema: Mapping[str, Any], pointer: str, depth: int) -> Node:
        target, place = self._resolved(schema["$ref"], f"{pointer}/$ref")
        others = {key: value for key, value in schema.items() if key != "$ref" and key not in ANNOTATIONS}
        if others:
            return self._node(self._merged(others, target, pointer), pointer, depth + 1)
        return self._rule(place, lambda: self._node(target, place, 0))

    def _resolved(self, reference: Any, pointer: str) -> tuple[Any, str]:
        if not isinstance(reference, str) or not reference.startswith("#"):
            refuse(pointer, f"the reference {str(reference)[:80]!r} leaves the schema", "copy what it means into $defs")
        place, target = reference, self._document
        for step in reference[1:].split("/")[1:]:
            step = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(target, Mapping) and step in target:
                target = target[step]
            elif isinstance(target, list) and step.isdecimal() and int(step) < len(target):
                target = target[int(step)]
            else:
                refuse(pointer, f"the reference {reference[:80]!r} points to nothing", "write what it names into $defs")
        if reference != "#" and not reference.startswith("#/"):
            refuse(pointer, f"the reference {reference[:80]!r} is no JSON pointer", "refer to #/$defs/NAME")
        return target, place

    def _merged(self, one: Any, other: Any, pointer: str) -> Any:
        """Return a schema for what satisfies both; references are followed as far as needed."""
        for _ in range(_DEEPEST):
            if isinstance(other, Mapping) and "$ref" in other:
                target, _place = self._resolved(other["$ref"], f"{pointer}/$ref")
                rest = {key: value for key, value in other.items() if key != "$ref"}
                other = self._merged(rest, target, pointer) if set(rest) - ANNOTATIONS else target
            else:
                try:
                    return both(one, other)
                except NotOneError as error:
                    refuse(pointer, f"two schemas disagree on {error}, and cannot be enforced together")
        refuse(pointer, "the references lead in a circle")

    def _combined(self, schema: Mapping[str, Any], word: str, pointer: str, depth: int) -> Node:
        options = schema[word]
        if not isinstance(options, list) or not options:
            refuse(f"{pointer}/{word}", f"{word!r} must be a list of schemas", "write at least one schema")
        base = {key: value for key, value in schema.items() if key != word and key not in ANNOTATIONS}
        if word == "allOf":
            for index, option in enumerate(options):
                base = self._merged(base, option, f"{pointer}/allOf/{index}")
            return self._node(base, pointer, depth + 1)
        if word == "oneOf" and not exclude_each_other([self._followed(option, pointer) for option in options]):
            refuse(
                f"{pointer}/oneOf",
                "a value could satisfy several of these schemas",
                "use anyOf, or give each schema a type or a required constant that the others exclude",
            )
        if base:
            merged = [self._merged(base, option, f"{pointer}/{word}/{i}") for i, option in enumerate(options)]
            return choice([self._node(one, pointer, depth + 1) for one in merged])
        return choice([self._node(one, f"{pointer}/{word}/{i}", depth + 1) for i, one in enumerate(options)])

    def _followed(self, schema: Any, pointer: str) -> Any:
        for _ in range(_DEEPEST):
            if not (isinstance(schema, Mapping) and "$ref" in schema):
                return schema
            schema, _place = self._resolved(schema["$ref"], pointer)
        refuse(pointer, "the references lead in a circle")

    # Values

    def _listed(self, schema: Mapping[str, Any], pointer: str) -> Node:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        if not isinstance(values, list):
            refuse(f"{pointer}/enum", "enum must be a list", "list the values")
        if "const" in schema and "enum" in schema:
            values = [value for value in schema["enum"] if _same(value, schema["const"])]
        others = set(schema) - {"const", "enum", "type"} - ANNOTATIONS
        if others & ASSERTIONS:
            refuse(f"{pointer}/{min(others & ASSERTIONS)}", "a list of values stands beside another rule")
        if "type" in schema:
            kinds = self._kinds(schema, pointer)
            values = [value for value in values if any(_is_of(value, kind) for kind in kinds)]
        return choice([_exactly(value) for value in values]) if values else NOTHING

    def _array(self, schema: Mapping[str, Any], pointer: str, depth: int) -> Node:
        first, rest, rest_pointer = _items(schema, pointer)
        least = count(schema, "minItems", pointer) or 0
        most = count(schema, "maxItems", pointer)
        if schema.get("uniqueItems") and (most is None or most > 1):
            refuse(f"{pointer}/uniqueItems", "the keyword 'uniqueItems' cannot be enforced", "leave it out")
        if least > MOST_REPEATED:
            refuse(f"{pointer}/minItems", f"more than {MOST_REPEATED} items are asked for")
        if rest is False or (first and least <= len(first)):
            most = len(first) if most is None else min(most, len(first))
        if most is not None and most < least:
            return NOTHING
        first = first if most is None else first[:most]
        fixed = [self._node(one, f"{pointer}/prefixItems/{index}", depth + 1) for index, one in enumerate(first)]
        more = None if most is not None and most <= len(fixed) else self._node(rest, rest_pointer, depth + 1)
        return Seq((Lexeme(Text("[")), _listing(fixed, more, least, most), Lexeme(Text("]"))))

    def _object(self, schema: Mapping[str, Any], pointer: str, depth: int) -> Node:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        if not (isinstance(properties, Mapping) and isinstance(required, list)):
            refuse(pointer, "properties must be an object, and required a list", "correct them")
        if not properties and not required:
            return self._map(schema, pointer, depth)
        _refuse_other_names(schema, properties, required, pointer)
        extra = schema.get("additionalProperties", True)
        fields: list[tuple[bool, Node]] = []
        for name in [*properties, *(name for name in dict.fromkeys(required) if name not in properties)]:
            inner = properties.get(name, extra)
            below = f"{pointer}/properties/{_step(name)}" if name in properties else f"{pointer}/additionalProperties"
            value = self._node(inner, below, depth + 1)
            if value == NOTHING:
                if name in required:
                    return NOTHING
                continue
            fields.append((name in required, Seq((Lexeme(Text(_dumped(name))), _COLON, value))))
        return Seq((Lexeme(Text("{")), self._fields(fields, pointer), Lexeme(Text("}"))))

    def _fields(self, fields: Sequence[tuple[bool, Node]], pointer: str) -> Node:
        """Return the fields in their order, with commas between those that are there."""
        after: Node = EMPTY  # what may follow once something was written
        heads: list[Node] = []  # what may come first
        for place in range(len(fields) - 1, -1, -1):
            is_required, field = fields[place]
            heads = [] if is_required else heads
            heads.insert(0, sequence([field, after]) if after != EMPTY else field)
            if place:
                following = sequence([_COMMA, field, after]) if after != EMPTY else sequence([_COMMA, field])
                whole = following if is_required else _or_else(following, sequence([_COMMA, field]), after)
                after = self._rule(f"{pointer} fields from {place}", lambda whole=whole: whole)
        is_any_required = any(is_required for is_required, _ in fields)
        return choice(heads) if is_any_required else optional(choice(heads)) if heads else EMPTY

    def _map(self, schema: Mapping[str, Any], pointer: str, depth: int) -> Node:
        """Return an object of any keys: those of one pattern, or all alike."""
        patterns = schema.get("patternProperties", {})
        extra = schema.get("additionalProperties", True)
        key: Any = schema.get("propertyNames", {})
        inner, below = extra, f"{pointer}/additionalProperties"
        if patterns:
            if len(patterns) > 1 or key or not isinstance(patterns, Mapping):
                refuse(f"{pointer}/patternProperties", "a name could fall under several of these rules")
            ((pattern, inner),) = patterns.items()
            key, below = {"pattern": pattern}, f"{pointer}/patternProperties/{_step(pattern)}"
        if not isinstance(key, Mapping) or set(key) - ANNOTATIONS - {"type", "pattern", "minLength", "maxLength"}:
            refuse(f"{pointer}/propertyNames", "names can only be held to a pattern and a length")
        least = count(schema, "minProperties", pointer) or 0
        most = count(schema, "maxProperties", pointer)
        if least > 1:
            refuse(
                f"{pointer}/minProperties", "several names of free choice could be the same one", "name the properties"
            )
        if inner is False or most == 0:
            return NOTHING if least else Seq((Lexeme(Text("{")), Lexeme(Text("}"))))
        value = self._node(inner, below, depth + 1)
        field = Seq((Lexeme(string(key, below)), _COLON, value))
        return Seq((Lexeme(Text("{")), _listing([], field, least, most), Lexeme(Text("}"))))


_COMMA = Lexeme(Text(", "))
_COLON = Lexeme(Text(": "))


def _or_else(following: Node, alone: Node, after: Node) -> Node:
    """Return an optional field before what follows it: the field and the rest, or the rest alone."""
    return optional(alone) if after == EMPTY else choice([following, after])


def _implied(schema: Mapping[str, Any]) -> list[str]:
    """Return the types a schema without one is about: a rule about strings lets every number pass, and says nothing."""
    about = {
        "object": {"properties", "required", "additionalProperties", "patternProperties", "propertyNames"},
        "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "additionalItems"},
        "string": {"minLength", "maxLength", "pattern", "format"},
        "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    }
    about["object"] |= {"minProperties", "maxProperties"}
    return [kind for kind, words in about.items() if words & set(schema)] or list(JSON_TYPES)


def _items(schema: Mapping[str, Any], pointer: str) -> tuple[list[Any], Any, str]:
    """Return the schemas of the first items and of all further ones, in the words of either draft."""
    first, rest, below = schema.get("prefixItems", []), schema.get("items", True), f"{pointer}/items"
    if isinstance(rest, list):
        first, rest, below = rest, schema.get("additionalItems", True), f"{pointer}/additionalItems"
    if not isinstance(first, list):
        refuse(f"{pointer}/prefixItems", "prefixItems must be a list of schemas", "list the schemas")
    return first, rest, below


def _listing(fixed: list[Node], more: Node | None, least: int, most: int | None) -> Node:
    """Return between least and most items with commas: the fixed ones first, then any number of `more`."""
    limit = MOST_REPEATED if most is None else most
    bound = None if most is None else min(max(0, limit - len(fixed)), MOST_REPEATED)
    tail: Node = EMPTY
    if more is not None:
        tail = Repeat(sequence([_COMMA, more]), max(0, least - max(1, len(fixed))), _less_one(bound, fixed))
        if not fixed:
            one_or_more = sequence([more, tail])
            return one_or_more if least else optional(one_or_more)
    for index in range(len(fixed) - 1, -1, -1):
        here = sequence([_COMMA, fixed[index], tail]) if index else sequence([fixed[index], tail])
        tail = here if index < least else optional(here)
    return tail


def _less_one(bound: int | None, fixed: list[Node]) -> int | None:
    return bound if bound is None or fixed else bound - 1


def _refuse_other_names(
    schema: Mapping[str, Any], properties: Mapping[str, Any], required: list[Any], pointer: str
) -> None:
    """Refuse rules about names that could touch the ones a schema lists."""
    for word in ("patternProperties", "propertyNames"):
        if schema.get(word):
            refuse(f"{pointer}/{word}", f"{word!r} beside named properties cannot be enforced")
    if not all(isinstance(name, str) for name in required):
        refuse(f"{pointer}/required", "required must list names", "correct it")
    least, most = count(schema, "minProperties", pointer), count(schema, "maxProperties", pointer)
    if least is not None and least > len(set(required)):
        refuse(f"{pointer}/minProperties", "it counts optional properties, which cannot be enforced", "require them")
    if most is not None and most < len({*properties, *required}):
        refuse(f"{pointer}/maxProperties", "it counts optional properties, which cannot be enforced", "name fewer")


def _exactly(value: Any) -> Node:
    """Return one value, written as every other is."""
    if isinstance(value, list):
        return Seq((Lexeme(Text("[")), _listing(list(map(_exactly, value)), None, len(value), None), Lexeme(Text("]"))))
    if isinstance(value, Mapping):
        fields: list[Node] = [Seq((Lexeme(Text(_dumped(key))), _COLON, _exactly(one))) for key, one in value.items()]
        return Seq((Lexeme(Text("{")), _listing(fields, None, len(fields), None), Lexeme(Text("}"))))
    return Lexeme(Text(_dumped(value)))


def _is_of(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    kinds: dict[str, Any] = {
        "null": type(None),
        "boolean": bool,
        "number": int | float,
        "string": str,
        "array": list,
        "object": Mapping,
    }
    return isinstance(value, kinds[kind])


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _step(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
