"""Texts of a grammar, drawn without any engine, and schemas to draw from."""

from __future__ import annotations

import random
from typing import Any

from ingot.infer.grammars.nodes import ROOT, Alt, Chars, Lexeme, Node, Ref, Repeat, Rules, Seq, Text

_AFTER_MANY = 60  # nodes after which the shortest way out is taken


class TextSampler:
    """Draws texts from rules, short ones once a text has grown."""

    def __init__(self, rules: Rules, seed: int) -> None:
        self.rules, self.random, self.left = rules, random.Random(seed), _AFTER_MANY

    def text(self) -> str:
        self.left = _AFTER_MANY
        return self._of(self.rules[ROOT])

    def _of(self, node: Node) -> str:
        self.left -= 1
        match node:
            case Text(text):
                return text
            case Chars(ranges):
                first, last = self.random.choice(ranges)
                return chr(self.random.randint(first, min(last, first + 200)))
            case Seq(parts):
                return "".join(map(self._of, parts))
            case Alt(options):
                return self._of(min(options, key=self._depth) if self.left < 0 else self.random.choice(options))
            case Repeat(part, least, most):
                times = least if self.left < 0 else self.random.randint(least, min(most or least + 3, least + 3))
                return "".join(self._of(part) for _ in range(times))
            case Ref(name):
                return self._of(self.rules[name])
            case Lexeme(part):
                return self._of(part)

    def _depth(self, node: Node, seen: frozenset[str] = frozenset()) -> int:
        match node:
            case Seq(parts):
                return sum(self._depth(part, seen) for part in parts)
            case Alt(options):
                return min(self._depth(option, seen) for option in options)
            case Repeat(part, least, _):
                return self._depth(part, seen) * least
            case Ref(name):
                return 10_000 if name in seen else 1 + self._depth(self.rules[name], seen | {name})
            case Lexeme(part):
                return self._depth(part, seen)
        return 1


def random_schema(draw: random.Random, depth: int = 0) -> dict[str, Any]:
    """Return a schema out of everything that is enforced."""
    makers = [_string, _integer, _number, _listed, _plain]
    if depth < 3:
        makers += [_array, _object, _object, _union]
    return draw.choice(makers)(draw, depth)


def _plain(draw: random.Random, depth: int) -> dict[str, Any]:
    return {"type": draw.choice(["null", "boolean", "string", "number", "integer", ["string", "null"]])}


def _string(draw: random.Random, depth: int) -> dict[str, Any]:
    least = draw.randint(0, 3)
    kinds: list[dict[str, Any]] = [
        {"minLength": least, "maxLength": least + draw.randint(0, 9)},
        {
            "pattern": draw.choice(
                ["^[a-z]{2,5}$", "^(ab|c)+\\d?$", "x\\.y", '^"\\\\?$', "^[^a-z]{1,3}$", "^\\w+-\\s?é$"]
            )
        },
        {"format": draw.choice(["date", "time", "date-time", "uuid", "email", "ipv4", "ipv6", "hostname", "uri"])},
    ]
    return {"type": "string", **draw.choice(kinds)}


def _integer(draw: random.Random, depth: int) -> dict[str, Any]:
    low = draw.randint(-2000, 2000)
    bounds = {"minimum": low, "maximum": low + draw.choice([0, 1, 7, 90, 12345])}
    chosen = {key: value for key, value in bounds.items() if draw.random() < 0.8}
    return {"type": "integer", **chosen}


def _number(draw: random.Random, depth: int) -> dict[str, Any]:
    low = round(draw.uniform(-50, 50), draw.choice([0, 1, 3]))
    bounds = {
        draw.choice(["minimum", "exclusiveMinimum"]): low,
        draw.choice(["maximum", "exclusiveMaximum"]): low + draw.choice([0.5, 2, 100]),
    }
    return {"type": "number", **{key: value for key, value in bounds.items() if draw.random() < 0.8}}


def _listed(draw: random.Random, depth: int) -> dict[str, Any]:
    values = ["a", 'b\n"c"', 1, 2.5, True, None, [1, "x"], {"k": [], "l": {}}, "ünïcode 漢"]
    return {"enum": draw.sample(values, draw.randint(1, 4))} if draw.random() < 0.7 else {"const": draw.choice(values)}


def _array(draw: random.Random, depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array", "items": random_schema(draw, depth + 1)}
    if draw.random() < 0.3:
        schema["prefixItems"] = [random_schema(draw, depth + 1) for _ in range(draw.randint(1, 3))]
    if draw.random() < 0.5:
        schema["minItems"] = draw.randint(0, 4)
    if draw.random() < 0.5:
        schema["maxItems"] = schema.get("minItems", 0) + draw.randint(0, 4)
    return schema


def _object(draw: random.Random, depth: int) -> dict[str, Any]:
    names = draw.sample(["a", "b", "name with blanks", "größe", 'quo"te', "last"], draw.randint(0, 5))
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: random_schema(draw, depth + 1) for name in names},
        "required": [name for name in names if draw.random() < 0.5],
    }
    if names and draw.random() < 0.5:
        schema["additionalProperties"] = False
    elif not names:
        schema["additionalProperties"] = random_schema(draw, depth + 1)
    return schema


def _union(draw: random.Random, depth: int) -> dict[str, Any]:
    options = [random_schema(draw, depth + 1) for _ in range(draw.randint(1, 3))]
    return {"anyOf": options}
