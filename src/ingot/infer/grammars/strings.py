"""Texts as JSON strings: the same characters between quotes, with the escapes that JSON asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ingot.infer.grammars.nodes import (
    Alt,
    Chars,
    Lexeme,
    Node,
    Repeat,
    Seq,
    Text,
    all_but,
    chars,
    choice,
    common,
    sequence,
)

_PLAIN = all_but(chars((0x00, 0x1F), (0x22, 0x22), (0x5C, 0x5C)))
_ESCAPED = {character: json.dumps(character)[1:-1] for character in '"\\\b\f\n\r\t'}
_SIGNS = chars(*((ord(one[1]), ord(one[1])) for one in _ESCAPED.values()))
_ANY_CHARACTER = Alt((_PLAIN, Seq((Text("\\"), _SIGNS))))
_ANY_AT_ALL = all_but(chars())
_QUOTE = Text('"')


def any_string(least: int = 0, most: int | None = None) -> Node:
    """Return every JSON string of so many characters."""
    return Seq((_QUOTE, Repeat(_ANY_CHARACTER, least, most), _QUOTE))


def plain_string(least: int, most: int | None, without: Chars) -> Node:
    """Return the same strings, with these characters of ASCII written as codes."""
    kept = common(_PLAIN, all_but(without))
    codes = [Text(f"\\u{code:04x}") for begin, last in without.ranges for code in range(begin, last + 1)]
    escape = Seq((Text("\\"), Alt((_SIGNS, *(Text(code.text[1:]) for code in codes)))))
    return Seq((_QUOTE, Repeat(Alt((kept, escape)), least, most), _QUOTE))


def bounds_of(node: Node) -> tuple[int, int | None] | None:
    """Return the bounds of what `any_string` made; None for every other node."""
    match node:
        case Seq((open_quote, Repeat(part, least, most), _)) if part == _ANY_CHARACTER and open_quote == _QUOTE:
            return least, most
    return None


def quoted(body: Node) -> Node:
    """Return the JSON strings whose content is one of these texts."""
    return Seq((_QUOTE, _inside(body), _QUOTE))


def all_texts_but(excluded: Iterable[str], least: int = 0, most: int | None = None) -> Node:
    """Return the texts of so many characters that are not among these."""
    words = frozenset(excluded)
    left = None if most is None else most - 1
    following: dict[str, frozenset[str]] = {}
    for word in words:
        if word:
            following[word[0]] = following.get(word[0], frozenset()) | {word[1:]}
    options: list[Node] = [Seq(())] if least <= 0 and "" not in words else []
    if most is None or most > 0:
        others = all_but(chars(*((ord(one), ord(one)) for one in following)))
        options.append(sequence([others, Repeat(_ANY_AT_ALL, max(0, least - 1), left)]))
        options += [
            sequence([Text(one), all_texts_but(rest, least - 1, left)]) for one, rest in sorted(following.items())
        ]
    return choice(options) if options else Alt(())


def _inside(node: Node) -> Node:
    match node:
        case Text(text):
            return Text(json.dumps(text, ensure_ascii=False)[1:-1])
        case Chars():
            escaped: list[Node] = [
                Text(written) for one, written in _ESCAPED.items() if common(node, chars((ord(one), ord(one)))).ranges
            ]
            plain = common(node, _PLAIN)
            return choice([*([plain] if plain.ranges else []), *escaped]) if plain.ranges or escaped else Alt(())
        case Seq(parts):
            return sequence([_inside(part) for part in parts]) if parts else node
        case Alt(options):
            return Alt(tuple(_inside(option) for option in options))
        case Repeat(part, least, most):
            return Repeat(_inside(part), least, most)
        case Lexeme(part):
            return _inside(part)
        case _:
            raise AssertionError("a pattern has no references")
