"""Read a schema of any draft as one of draft 2020-12, with the place of every word kept beside it.

What drafts write differently is written in one way here: lists of `items`, booleans as exclusive bounds, `const`,
`dependencies`. What a draft does not know says nothing in it, as it does for every validator. References become
absolute, so that they mean the same wherever a part is merged to; those that leave the document stay unresolved.
Source: JSON Schema Core 2020-12, section 8.2 ($id, $anchor), draft 7 section 8 ($ref hides its siblings), draft 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from ingot.core.errors import InputError
from ingot.infer.grammars.shapes import check_shape, names_of
from ingot.infer.grammars.words import ASSERTIONS, COMBINING, DEEPEST, REFUSED, refuse

AT = " at"  # beside the words of a schema: the JSON pointer of the whole ("") and of words that came from elsewhere
_LATEST = 2020
_DRAFTS = {"draft-04": 4, "draft-06": 6, "draft-07": 7, "2019-09": 2019, "2020-12": 2020}
# Words that a draft was the first to know.
_SINCE = {
    **dict.fromkeys(("const", "contains", "propertyNames"), 6),
    **dict.fromkeys(("if", "then", "else"), 7),
    **dict.fromkeys(("dependentRequired", "dependentSchemas", "minContains", "maxContains"), 2019),
    **dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), 2019),
    **dict.fromkeys(("$dynamicRef", "prefixItems"), 2020),
}
_COUNTED = ("Length", "Items", "Properties")
_ONE = ("additionalProperties", "propertyNames", "not", "if", "then", "else")
_SEVERAL = ("allOf", "anyOf", "oneOf")
_NAMED = ("properties", "patternProperties", "dependentSchemas")


def draft_of(schema: Any) -> int:
    """Return the draft a schema is written in: the one it names, else the oldest whose words it uses. 3 is unknown."""
    named = str(schema.get("$schema", "")) if isinstance(schema, Mapping) else ""
    for word, draft in _DRAFTS.items():
        if word in named:
            return draft
    if "draft-0" in named:
        return 3
    return min((_draft_needed(part) for part in _parts(schema)), default=_LATEST)


def _draft_needed(part: Mapping[str, Any]) -> int:
    if any(isinstance(part.get(word), bool) for word in ("exclusiveMinimum", "exclusiveMaximum")):
        return 4
    return 7 if isinstance(part.get("items"), list) else _LATEST


def _parts(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    if depth > 2 * DEEPEST:
        return
    if isinstance(value, Mapping):
        yield value
    for inside in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        if not (isinstance(inside, Mapping) and isinstance(inside.get("$schema"), str)):  # else a document of its own
            yield from _parts(inside, depth + 1)


def place_of(schema: Mapping[str, Any], word: str = "") -> str:
    """Return the JSON pointer of a schema, or of one of its words, in the document it came from."""
    at = schema.get(AT, {"": "#"})
    return str(at.get(word) or f"{at['']}/{word}")


@dataclass(frozen=True)
class _Scope:
    """What holds inside a schema: the name that references start from, and the draft."""

    base: str
    draft: int


class Document:
    """A schema with what its references name. Raises InputError for parts that are no schemas."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._read: dict[str, Any] = {}
        self._scopes: dict[str, _Scope] = {}
        self._named = {"": "#"}  # pointers by absolute name: of resources, and of anchors
        self.root = self._schema(document, "#", _Scope("", draft_of(document)), 0)

    def resolved(self, reference: str, pointer: str) -> Any:
        """Return the schema an absolute reference names. Raises InputError when there is none in this document."""
        resource, fragment = urldefrag(reference)
        shown = reference[:80]
        if resource not in self._named:
            refuse(pointer, f"the reference {shown!r} leaves the schema", "copy what it means into $defs")
        if fragment and not fragment.startswith("/"):
            if f"{resource}#{fragment}" not in self._named:
                refuse(pointer, f"the reference {shown!r} names no anchor here", "refer to #/$defs/NAME")
            return self._read[self._named[f"{resource}#{fragment}"]]
        place = self._named[resource] + unquote(fragment)
        return self._read[place] if place in self._read else self._unlisted(place, shown, pointer)

    def _unlisted(self, place: str, shown: str, pointer: str) -> Any:
        """Read a schema that lies where no word of JSON schema leads to."""
        target, scope, walked = self._document, self._scopes["#"], "#"
        for written in place.split("/")[1:]:
            step = written.replace("~1", "/").replace("~0", "~")
            if isinstance(target, Mapping) and step in target:
                target = target[step]
            elif isinstance(target, list) and step.isdecimal() and len(step) < 9 and int(step) < len(target):
                target = target[int(step)]
            else:
                refuse(pointer, f"the reference {shown!r} points to nothing", "write what it names into $defs")
            walked += f"/{written}"
            scope = self._scopes.get(walked, scope)
        return self._schema(target, place, scope, 0)

    def _schema(self, schema: Any, pointer: str, scope: _Scope, depth: int) -> Any:
        if depth > DEEPEST:
            refuse(pointer, f"the schema is nested more than {DEEPEST} deep")
        if schema is True or schema is False:
            self._read[pointer] = schema
            return schema
        if not isinstance(schema, Mapping):
            refuse(pointer, "a schema must be an object or a boolean", "write a schema there")
        scope = self._entered(schema, pointer, scope)
        hides_siblings = scope.draft <= 7 and "$ref" in schema
        self._scopes[pointer] = scope
        read: dict[str, Any] = {AT: {"": pointer}}
        for word in ("$defs", "definitions"):
            self._definitions(schema.get(word), f"{pointer}/{word}", scope, depth + 1)
        if "$ref" in schema:
            read["$ref"] = _absolute(schema["$ref"], f"{pointer}/$ref", scope.base)
        if not hides_siblings:
            self._words(read, schema, pointer, scope, depth + 1)
        self._read[pointer] = read
        return read

    def _definitions(self, definitions: Any, pointer: str, scope: _Scope, depth: int) -> None:
        """Read what may be referred to; what is no schema matters only once something does refer to it."""
        for name, inside in definitions.items() if isinstance(definitions, Mapping) else ():
            with suppress(InputError):
                self._schema(inside, f"{pointer}/{step_of(name)}", scope, depth)

    def _entered(self, schema: Mapping[str, Any], pointer: str, scope: _Scope) -> _Scope:
        """Note the names of a schema; return what holds inside of it."""
        draft = draft_of(schema) if isinstance(schema.get("$schema"), str) else scope.draft
        if draft < 4:
            refuse(f"{pointer}/$schema", "this draft of JSON schema is not read", "write it in draft 4 or later")
        base, own = scope.base, schema.get("id" if draft == 4 else "$id")
        if draft <= 7 and "$ref" in schema:
            return _Scope(base, draft)  # it hides what stands beside it
        if isinstance(own, str):
            if own.startswith("#"):
                self._named[f"{base}{own}"] = pointer
            else:
                base = urldefrag(urljoin(base, own))[0]
                self._named[base] = pointer
        for word in ("$anchor", "$dynamicAnchor"):
            if isinstance(schema.get(word), str):
                self._named[f"{base}#{schema[word]}"] = pointer
        return _Scope(base, draft)

    def _words(self, read: dict[str, Any], schema: Mapping[str, Any], pointer: str, scope: _Scope, depth: int) -> None:
        known = {word: value for word, value in schema.items() if _SINCE.get(word, 0) <= scope.draft}
        if isinstance(schema.get("items"), list):
            if scope.draft == _LATEST:
                refuse(f"{pointer}/items", "a list of items is not of this draft", "write it as prefixItems")
            known |= {"prefixItems": schema["items"], "items": schema.get("additionalItems", True)}
            read[AT] |= {"prefixItems": f"{pointer}/items", "items": f"{pointer}/additionalItems"}
        known.pop("additionalItems", None)

        def inside(value: Any, *steps: str) -> Any:
            return self._schema(value, "/".join((pointer, *map(step_of, steps))), scope, depth)

        for word, value in known.items():
            place = place_of(read, word)
            if word in _ONE or word == "items":
                read[word] = self._schema(value, place, scope, depth)
            elif word in _SEVERAL or word == "prefixItems":
                read[word] = [
                    self._schema(one, f"{place}/{index}", scope, depth) for index, one in enumerate(_list(value, place))
                ]
            elif word in _NAMED:
                rules = {name: inside(one, word, name) for name, one in _mapping(schema, word, pointer).items()}
                read[word] = {**read.get(word, {}), **rules}
            elif word == "dependencies":
                for name, one in _mapping(schema, word, pointer).items():
                    kind = "dependentRequired" if isinstance(one, list) else "dependentSchemas"
                    rule = names_of(one, place) if isinstance(one, list) else inside(one, word, name)
                    read.setdefault(kind, {})[name] = rule
                    read[AT][kind] = place
            elif word == "dependentRequired":
                needed = {name: names_of(one, place) for name, one in _mapping(schema, word, pointer).items()}
                read.setdefault(word, {}).update(needed)
            elif word == "const":
                read["enum"] = [value] if "enum" not in known else _shared(known["enum"], value)
                read[AT]["enum"] = place
            elif word in ASSERTIONS | COMBINING | REFUSED and not (word == "enum" and "const" in known):
                check_shape(word, value, place)
                read[word] = int(value) if word.startswith(("min", "max")) and word[3:] in _COUNTED else value
        _exclusive_bounds(read, scope.draft)


def _exclusive_bounds(read: dict[str, Any], draft: int) -> None:
    """Write the bounds of draft 4, whose exclusive ones are booleans, as numbers."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(read.get(exclusive), bool) and draft != 4:
            place = place_of(read, exclusive)
            refuse(place, f"{exclusive} as a boolean is draft 4", f"write the bound itself as {exclusive}")
        if draft == 4 and read.pop(exclusive, False) and bound in read:
            read[exclusive] = read.pop(bound)
            read[AT] |= {exclusive: place_of(read, bound)}


def _absolute(reference: Any, pointer: str, base: str) -> str:
    if not isinstance(reference, str):
        refuse(pointer, "a reference must be a text", "write the JSON pointer of a schema")
    return f"{base}{reference}" if reference.startswith("#") or not reference else urljoin(base, reference)


def _shared(values: Any, value: Any) -> list[Any]:
    return [one for one in values if same(one, value)] if isinstance(values, list) else [value]


def same(one: Any, other: Any) -> bool:
    """Say whether two JSON values are one value: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _mapping(schema: Mapping[str, Any], word: str, pointer: str) -> Mapping[str, Any]:
    value = schema.get(word, {})
    if not isinstance(value, Mapping):
        refuse(f"{pointer}/{word}", f"{word!r} must be an object", "correct it")
    return value


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        refuse(place, f"{place.rpartition('/')[2]!r} must be a list of schemas", "write at least one schema")
    return value


def step_of(name: str) -> str:
    """Return a name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
