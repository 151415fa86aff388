"""What is left of a plain schema once the values of another one are taken out, as far as words can say it.

A value fails a schema when it fails any of its words: an object may lack a property the schema asks for, have one of
another kind, be of another type. Each such way gives schemas whose values certainly fail; values that fail in a way
that no words describe are left out. Nothing is taken for failing that a validator might let pass: a format says nothing
here, since validators may ignore it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ingot.infer.grammars.drafts import AT, place_of, same
from ingot.infer.grammars.merge import EXCLUDED, Plain, as_types, both, item_rule, rule_for
from ingot.infer.grammars.values import is_of, satisfies
from ingot.infer.grammars.words import JSON_TYPES, refuse

if TYPE_CHECKING:
    from ingot.infer.grammars.alternatives import Alternatives

_DEEPEST = 16
_MOST_WAYS = 8
_OPPOSITE = {
    "minLength": ("string", "maxLength", -1),
    "maxLength": ("string", "minLength", 1),
    "minItems": ("array", "maxItems", -1),
    "maxItems": ("array", "minItems", 1),
    "minProperties": ("object", "maxProperties", -1),
    "maxProperties": ("object", "minProperties", 1),
    "minimum": ("number", "exclusiveMaximum", 0),
    "exclusiveMinimum": ("number", "maximum", 0),
    "maximum": ("number", "exclusiveMinimum", 0),
    "exclusiveMaximum": ("number", "minimum", 0),
}


class Excluding:
    """Takes schemas out of one another."""

    def __init__(self, alternatives: Alternatives) -> None:
        self._alternatives = alternatives
        self._depth = 0

    def without(self, plain: Plain, unwanted: Any) -> list[Plain]:
        """Return schemas of values that satisfy the plain one and not the unwanted; none when that cannot be said."""
        if isinstance(unwanted, bool):
            return [] if unwanted else [plain]
        if "$ref" in plain:
            return [one for part in self._alternatives.followed(plain) for one in self.without(part, unwanted)]
        if self._depth > _DEEPEST:
            refuse(place_of(unwanted), "what is excluded is nested too deeply, or leads in a circle")
        self._depth += 1
        try:
            return self._left(plain, unwanted)
        finally:
            self._depth -= 1

    def _left(self, plain: Plain, unwanted: Mapping[str, Any]) -> list[Plain]:
        if "enum" in plain:
            document = self._alternatives.document
            kept = [value for value in plain["enum"] if not satisfies(value, unwanted, document)]
            return [{**plain, "enum": kept}] if kept else []
        found: list[Plain] = []
        for ways in (self._ways, self._invented):
            for way in ways(plain, unwanted):
                if way == [plain]:
                    return way  # it fails as it is
                found += [one for one in way if one not in found]
            if found:
                break
        return found

    def _ways(self, plain: Plain, unwanted: Mapping[str, Any]) -> Iterator[list[Plain]]:
        """Yield for each word of the unwanted schema the values that fail it."""
        if "type" in unwanted:
            yield _of_types(plain, _types_but(plain, as_types(unwanted) or []))
        if "enum" in unwanted:
            yield list(_not_listed(plain, unwanted["enum"]))
        if "$ref" in unwanted:
            yield self.without(plain, self._alternatives.target(unwanted))
        for part in unwanted.get("allOf", ()):
            yield self.without(plain, part)
        for word in ("anyOf", "oneOf"):
            if word in unwanted:
                yield self._without_each(plain, unwanted[word])
        if "not" in unwanted:
            yield self._alternatives.joined([plain], self._alternatives.of(unwanted["not"]))
        yield from self._ways_of_objects(plain, unwanted)
        if "items" in unwanted and "prefixItems" not in unwanted:
            yield self._other_first_item(plain, unwanted["items"])
        for word in _OPPOSITE.keys() & unwanted.keys():
            yield _beyond(plain, word, unwanted[word])

    def _without_each(self, plain: Plain, unwanted: list[Any]) -> list[Plain]:
        left = [plain]
        for one in unwanted:
            left = [rest for part in left for rest in self.without(part, one)]
        return left

    def _ways_of_objects(self, plain: Plain, unwanted: Mapping[str, Any]) -> Iterator[list[Plain]]:
        for name in unwanted.get("required", ()):
            yield self.lacking(plain, name, is_object=True)
        for name, rule in unwanted.get("properties", {}).items():
            if is_listed(plain, name):
                yield self._other_property(plain, name, rule)
        if unwanted.get("additionalProperties") is False:
            yield from self._further_property(plain, unwanted)

    def _invented(self, plain: Plain, unwanted: Mapping[str, Any]) -> Iterator[list[Plain]]:
        """Yield objects that break the rule of a property which the plain schema does not speak of."""
        for name, rule in unwanted.get("properties", {}).items():
            if not is_listed(plain, name):
                yield self._other_property(plain, name, rule)

    def lacking(self, plain: Plain, name: str, is_object: bool = False) -> list[Plain]:
        """Return values without a property; objects alone, or whatever else the schema allows as well."""
        if name in plain.get("required", ()) and as_types(plain) == ["object"]:
            return []
        objects = as_types(plain) == ["object"]
        if objects and rule_for(plain, name) is False:
            return [plain]
        without: dict[str, Any] = {"properties": {name: False}}
        if is_object:
            without["type"] = "object"
        elif name in plain.get("required", ()):
            return _of_types(plain, [kind for kind in as_types(plain) or JSON_TYPES if kind != "object"])
        return _one(both(plain, without))

    def _other_property(self, plain: Plain, name: str, rule: Any) -> list[Plain]:
        """Return objects in which a property is there, and breaks its rule."""
        here = rule_for(plain, name)
        left = [rest for part in self._alternatives.of(here) for rest in self.without(part, rule)]
        if not left:
            return []
        is_there = name in plain.get("required", ()) and as_types(plain) == ["object"]
        if is_there and left == self._alternatives.of(here):
            return [plain]
        options = left[0] if len(left) == 1 else {AT: {"": place_of(plain)}, "anyOf": left}
        objects = both(plain, {"type": "object", "required": [name]})
        if objects is None:
            return []
        return [{**objects, "properties": {**objects.get("properties", {}), name: options}}]

    def _further_property(self, plain: Plain, unwanted: Mapping[str, Any]) -> Iterator[list[Plain]]:
        """Yield objects with a property that the unwanted schema does not list."""
        further = [
            name
            for name in dict.fromkeys([*plain.get("required", ()), *plain.get("properties", {})])
            if rule_for(unwanted, name) is False and rule_for(plain, name) is not False
        ]
        for name in further:
            if name in plain.get("required", ()) and as_types(plain) == ["object"]:
                yield [plain]
                return
        for name in further[:_MOST_WAYS]:
            yield _one(both(plain, {"type": "object", "required": [name]}))

    def _other_first_item(self, plain: Plain, rule: Any) -> list[Plain]:
        """Return arrays whose first item breaks the rule for all."""
        left = [rest for part in self._alternatives.of(item_rule(plain, 0)) for rest in self.without(part, rule)]
        if not left:
            return []
        options = left[0] if len(left) == 1 else {AT: {"": place_of(plain)}, "anyOf": left}
        arrays = both(plain, {"type": "array", "minItems": 1})
        if arrays is None:
            return []
        return [{**arrays, "prefixItems": [options, *arrays.get("prefixItems", ())[1:]]}]


def is_listed(plain: Plain, name: str) -> bool:
    """Say whether a schema speaks of a property, so that its grammar may write it."""
    return name in plain.get("properties", {}) or name in plain.get("required", ())


def _one(plain: Plain | None) -> list[Plain]:
    return [] if plain is None else [plain]


def _types_but(plain: Plain, unwanted: list[str]) -> list[str]:
    """Return the types of a schema that share no value with these."""
    taken = {*unwanted, *(["integer"] if "number" in unwanted else []), *(["number"] if "integer" in unwanted else [])}
    return [kind for kind in as_types(plain) or JSON_TYPES if kind not in taken]


def _of_types(plain: Plain, kinds: list[str]) -> list[Plain]:
    if not kinds:
        return []
    return [plain] if kinds == as_types(plain) else [{**plain, "type": kinds}]


def _not_listed(plain: Plain, values: list[Any]) -> Iterator[Plain]:
    """Yield values that are not among these: of other types, other texts, the other truth."""
    kinds = as_types(plain) or list(JSON_TYPES)
    apart = [kind for kind in kinds if not any(is_of(value, kind) for value in values)]
    yield from _of_types(plain, apart)
    if "string" in kinds and "string" not in apart and "pattern" not in plain and "format" not in plain:
        texts = [value for value in values if isinstance(value, str)]
        yield {**plain, "type": ["string"], EXCLUDED: [*plain.get(EXCLUDED, ()), *texts]}
    if "boolean" in kinds and "boolean" not in apart:
        left = [value for value in (True, False) if not any(same(value, one) for one in values)]
        if left:
            yield {**plain, "type": ["boolean"], "enum": left}


def _beyond(plain: Plain, word: str, bound: Any) -> list[Plain]:
    kind, opposite, step = _OPPOSITE[word]
    if step and bound + step < 0:
        return []
    return _one(both(plain, {"type": kind, opposite: bound + step}))
