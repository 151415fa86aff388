"""A schema as a list of plain ones: every choice it leaves open is one of them.

References that stand alone stay, so that a part that is used often, or asks for itself, is written once. `oneOf` holds
a value to one schema and away from the others; `if` to a condition and `then`, or away from it and `else`.
Source: JSON Schema Core 2020-12, section 10.2 (applicators in place).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingot.infer.grammars.drafts import AT, Document, place_of
from ingot.infer.grammars.excluding import Excluding, is_listed
from ingot.infer.grammars.merge import PLAIN, Plain, both
from ingot.infer.grammars.words import DEEPEST, REFUSED, refuse

_MOST = 128

Several = list[Plain]


class Alternatives:
    """Reads the schemas of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._excluding = Excluding(self)
        self._depth = 0

    def of(self, schema: Any) -> Several:
        """Return plain schemas, or references, of which a value that satisfies the schema satisfies one.

        Values that satisfy one of them satisfy the schema; some values that do may be left out. Raises InputError for
        what cannot be said so.
        """
        if isinstance(schema, bool):
            return [{}] if schema else []
        if set(schema) == {AT, "$ref"}:
            return [schema]
        self._deeper(place_of(schema))
        try:
            return self._combined(schema)
        finally:
            self._depth -= 1

    def _deeper(self, pointer: str) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            self._depth = 0
            refuse(pointer, "the schema is nested too deeply, or its references lead in a circle")

    def _combined(self, schema: Mapping[str, Any]) -> Several:
        for word in REFUSED.intersection(schema):
            refuse(place_of(schema, word), f"the keyword {word!r} cannot be enforced")
        found: Several = [{word: value for word, value in schema.items() if word in PLAIN or word == AT}]
        if "$ref" in schema:
            found = self.joined(
                found, [{AT: {"": place_of(schema), "$ref": place_of(schema, "$ref")}, "$ref": schema["$ref"]}]
            )
        for part in schema.get("allOf", ()):
            found = self.joined(found, self.of(part))
        if "anyOf" in schema:
            found = self.joined(found, [one for part in schema["anyOf"] for one in self.of(part)])
        if "oneOf" in schema:
            found = self._exactly_one(found, schema)
        if "not" in schema:
            found = self._away(found, [schema["not"]], place_of(schema, "not"))
        if "if" in schema and ("then" in schema or "else" in schema):
            found = self._conditional(found, schema)
        return self._dependent(found, schema)

    def joined(self, some: Sequence[Plain], others: Sequence[Plain]) -> Several:
        """Return what satisfies one of the first and one of the others."""
        found: Several = []
        for one in some:
            for other in others:
                found += self._pair(one, other)
                if len(found) > _MOST:
                    refuse(place_of(one), f"its choices combine in more than {_MOST} ways")
        return found

    def _pair(self, one: Plain, other: Plain) -> Several:
        if set(one) <= {AT}:
            return [other]
        if set(other) <= {AT}:
            return [one]
        if "$ref" in one or "$ref" in other:
            return self.joined(self.followed(one), self.followed(other))
        merged = both(one, other)
        return [] if merged is None else [merged]

    def followed(self, schema: Plain) -> Several:
        """Return the plain schemas behind a reference; any other schema as it is."""
        if "$ref" not in schema:
            return [schema]
        self._deeper(place_of(schema))
        try:
            return [one for part in self.of(self.target(schema)) for one in self.followed(part)]
        finally:
            self._depth -= 1

    def target(self, schema: Plain) -> Any:
        """Return the schema that a reference names."""
        return self.document.resolved(schema["$ref"], place_of(schema, "$ref"))

    def _exactly_one(self, base: Several, schema: Mapping[str, Any]) -> Several:
        options = schema["oneOf"]
        found: Several = []
        for index, option in enumerate(options):
            others = [other for place, other in enumerate(options) if place != index]
            alone = self.joined(base, self.of(option))
            if alone:
                found += self._away(alone, others, place_of(schema, "oneOf"))
        return found

    def _away(self, some: Several, unwanted: Sequence[Any], pointer: str) -> Several:
        """Return what satisfies one of the first and none of the unwanted. Raises InputError when nothing is left."""
        left = some
        for schema in unwanted:
            left = [one for plain in left for one in self._excluding.without(plain, schema)]
            if len(left) > _MOST:
                refuse(pointer, f"its choices combine in more than {_MOST} ways")
        if some and not left:
            refuse(
                pointer,
                "values that satisfy this and nothing it excludes cannot be told apart",
                "use anyOf, or give each schema a type or a required constant that the others exclude",
            )
        return left

    def _conditional(self, base: Several, schema: Mapping[str, Any]) -> Several:
        if isinstance(schema["if"], bool):
            return self.joined(base, self.of(schema.get("then" if schema["if"] else "else", True)))
        holding = self.joined(base, self.of(schema["if"]))
        failing = self._away(base, [schema["if"]], place_of(schema, "if"))
        return self.joined(holding, self.of(schema.get("then", True))) + self.joined(
            failing, self.of(schema.get("else", True))
        )

    def _dependent(self, base: Several, schema: Mapping[str, Any]) -> Several:
        """Return what lacks a property, or has it and what it asks for; one property after another."""
        found = base
        rules: dict[str, Several] = {
            name: [{"required": needed}] for name, needed in schema.get("dependentRequired", {}).items()
        }
        for name, rule in schema.get("dependentSchemas", {}).items():
            rules[name] = self.joined(rules.get(name, [{}]), self.of(rule))
        for name, asked in rules.items():
            lacking = [one for plain in found for one in self._excluding.lacking(plain, name)]
            speaking = [plain for plain in found if is_listed(plain, name)]
            having = self.joined(speaking, [{"type": "object", "required": [name]}])
            found = lacking + self.joined(having, asked)
        return found
