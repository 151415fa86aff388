"""The pieces a grammar is made of, and how they are written for the two libraries that enforce it.

A grammar is a set of rules; a rule is text, characters, sequences, choices, repetitions and references to rules.
OpenVINO reads EBNF (xgrammar), the other engines read Lark (llguidance). Lark cuts an answer into lexemes before it
parses it, and a lexeme takes as much as it can; `Lexeme` marks what is one, so that both read the same language:
punctuation, a key, a whole string, a whole number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import hexdigits

LAST_CHARACTER = 0x10FFFF
_NUL = (0, 0)  # ends a text in the libraries
_SURROGATES = (0xD800, 0xDFFF)  # no characters: they cannot be written in UTF-8
ROOT = "root"
_NOT_PLAIN = frozenset(f"{hexdigits}\\-[]^")  # what would say something else in a class
_CARET = ord("^")
# Characters in UTF-8, by their length and by whether they begin with the byte that surrogates would begin with.
_BYTE_LENGTHS = (
    (0, 0x7F),
    (0x80, 0x7FF),
    (0x800, 0xCFFF),
    (0xD000, 0xD7FF),
    (0xE000, 0xFFFF),
    (0x10000, LAST_CHARACTER),
)

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Text:
    """Exactly this text."""

    text: str


@dataclass(frozen=True)
class Chars:
    """One character out of these ranges of code points, ends included, in order and apart."""

    ranges: Ranges


@dataclass(frozen=True)
class Seq:
    """One after another."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Alt:
    """Any one of them; none of them when empty."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """Between `least` and `most` times; `most` None is without end."""

    part: Node
    least: int
    most: int | None


@dataclass(frozen=True)
class Ref:
    """What a rule says."""

    name: str


@dataclass(frozen=True)
class Lexeme:
    """A part without references that is read as one."""

    part: Node


Node = Text | Chars | Seq | Alt | Repeat | Ref | Lexeme
Rules = Mapping[str, Node]
EMPTY = Seq(())
NOTHING = Alt(())


def chars(*ranges: tuple[int, int]) -> Chars:
    """Return the characters in any of these ranges."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return Chars(tuple(merged))


def all_but(excluded: Chars, last: int = LAST_CHARACTER) -> Chars:
    """Return every character up to `last` that is not among those."""
    kept, begin = [], 0
    for first, end in (*chars(*excluded.ranges, _NUL, _SURROGATES).ranges, (last + 1, last + 1)):
        if begin < first:
            kept.append((begin, min(first - 1, last)))
        begin = end + 1
    return Chars(tuple(one for one in kept if one[0] <= one[1]))


def common(one: Chars, other: Chars) -> Chars:
    """Return the characters that are among both."""
    both = [(max(a, c), min(b, d)) for a, b in one.ranges for c, d in other.ranges]
    return chars(*[(first, last) for first, last in both if first <= last])


def optional(part: Node) -> Node:
    """Return the part, once or not at all."""
    return Repeat(part, 0, 1)


def size(node: Node) -> int:
    """Return how many states an automaton for it needs, about."""
    match node:
        case Text(text):
            return len(text)
        case Seq(parts) | Alt(parts):
            return 1 + sum(map(size, parts))
        case Repeat(part, least, most):
            return 1 + size(part) * max(least, most or 1, 1)
        case Lexeme(part):
            return size(part)
        case _:
            return 1


def size_together(rules: Rules) -> int:
    """Return how many states automata for all rules need, about, where what is one lexeme needs its own only once."""
    lexemes: set[Node] = set()
    sizes = sum(_size_around(node, lexemes) for node in rules.values())
    return sizes + sum(map(size, lexemes))


def _size_around(node: Node, lexemes: set[Node]) -> int:
    match node:
        case Lexeme(part):
            lexemes.add(part)
            return 1
        case Seq(parts) | Alt(parts):
            return 1 + sum(_size_around(part, lexemes) for part in parts)
        case Repeat(part, least, most):
            return 1 + _size_around(part, lexemes) * max(least, most or 1, 1)
    return size(node)


def pruned(rules: Rules) -> Rules:
    """Return the rules without what has no text: choices of nothing, rules that only ever ask for one another."""
    ending: set[str] = set()
    while new := {name for name, node in rules.items() if name not in ending and _ends(node, ending)}:
        ending |= new
    return {name: _living(rules[name], ending) for name in rules if name in ending} if ROOT in ending else {}


def _living(node: Node, ending: set[str]) -> Node:
    match node:
        case Seq(parts):
            kept = [one for one in (_living(part, ending) for part in parts) if one != EMPTY]
            return sequence(kept) if kept else EMPTY
        case Alt(options):
            return choice([_living(option, ending) for option in options if _ends(option, ending)])
        case Repeat(part, least, most):
            return Repeat(_living(part, ending), least, most) if most != 0 and _ends(part, ending) else EMPTY
        case Lexeme(part):
            return Lexeme(_living(part, ending))
    return node


def _ends(node: Node, ending: set[str]) -> bool:
    match node:
        case Seq(parts):
            return all(_ends(part, ending) for part in parts)
        case Alt(options):
            return any(_ends(option, ending) for option in options)
        case Repeat(part, least, _):
            return least == 0 or _ends(part, ending)
        case Ref(name):
            return name in ending
        case Lexeme(part):
            return _ends(part, ending)
        case Chars(ranges):
            return bool(ranges)
    return True


def as_ebnf(rules: Rules) -> str:
    """Return the rules in the EBNF of xgrammar."""
    return "\n".join(f"{name} ::= {_ebnf(node)}" for name, node in rules.items())


def _ebnf(node: Node) -> str:
    match node:
        case Text(text):
            return _ebnf_text(text)
        case Chars(ranges):
            return _ebnf_class(ranges)
        case Seq(parts):
            return " ".join(map(_ebnf, parts)) if parts else '""'
        case Alt(options):
            return "(" + " | ".join(map(_ebnf, options)) + ")"
        case Repeat(part, least, most):
            return f"({_ebnf(part)}){_times(least, most)}"
        case Ref(name):
            return name
        case Lexeme(part):
            return _ebnf(part)


def _ebnf_text(text: str) -> str:
    # Quoted text is turned into bytes and read again, with as many hexadecimal digits as follow: only ASCII survives.
    parts = (
        f'"{part}"' if part.isascii() and part.isprintable() else " ".join(f"[{_ebnf_code(one)}]" for one in part)
        for part in re.split("([ -~]+)", text.replace("\\", "\\\\").replace('"', '\\"'))
        if part
    )
    return " ".join(parts) if text else '""'


def _ebnf_class(ranges: Ranges) -> str:
    # A range from characters of one kind to the next would let other bytes through: each kind has its own.
    cut = [
        (max(first, a), min(last, b)) for first, last in ranges for a, b in _BYTE_LENGTHS if first <= b and a <= last
    ]
    if cut[0][0] == _CARET:  # at the beginning of a class it says "none of these", even as a code
        rest = ((_CARET + 1, cut[0][1]), *cut[1:])
        return (
            f'("^" | {_ebnf_class(tuple(one for one in rest if one[0] <= one[1]))})'
            if rest != ((_CARET + 1, _CARET),)
            else '"^"'
        )
    return "[" + "".join(f"{_ebnf_member(chr(first))}-{_ebnf_member(chr(last))}" for first, last in cut) + "]"


def _ebnf_member(character: str) -> str:
    # Letters and digits are written by their codes, too: the one before may be a code, and would take them for its own.
    is_plain = character.isascii() and character.isprintable() and character not in _NOT_PLAIN
    return character if is_plain else _ebnf_code(character)


def _ebnf_code(character: str) -> str:
    return f"\\U{ord(character):08x}"


def as_lark(rules: Rules) -> str:
    """Return the rules in the Lark dialect of llguidance."""
    named = {ROOT: "start"}
    return "\n".join(f"{named.get(name, name)}: {_lark(node)}" for name, node in _ordered(rules))


def _ordered(rules: Rules) -> Iterator[tuple[str, Node]]:
    yield ROOT, rules[ROOT]
    yield from ((name, node) for name, node in rules.items() if name != ROOT)


def _lark(node: Node) -> str:
    match node:
        case Seq(parts):
            return " ".join(map(_lark, parts)) if parts else '""'
        case Alt(options):
            return "(" + " | ".join(map(_lark, options)) + ")"
        case Repeat(part, least, most):
            return f"({_lark(part)}){_times(least, most)}"
        case Ref(name):
            return "start" if name == ROOT else name
        case Lexeme(part):
            return f"/{_expression(part)}/"
        case Text() | Chars():
            return f"/{_expression(node)}/"


def _expression(node: Node) -> str:
    match node:
        case Text(text):
            return "".join(map(_escaped, text))
        case Chars(ranges):
            return "[" + "".join(f"{_escaped(chr(a))}-{_escaped(chr(b))}" for a, b in ranges) + "]"
        case Seq(parts):
            return "".join(map(_expression, parts))
        case Alt(options):
            return "(" + "|".join(map(_expression, options)) + ")"
        case Repeat(part, least, most):
            return f"({_expression(part)}){_times(least, most)}"
        case Lexeme(part):
            return _expression(part)
        case Ref():
            raise AssertionError("a lexeme has no references")


def _escaped(character: str) -> str:
    return character if character.isascii() and character.isalnum() else f"\\x{{{ord(character):x}}}"


def _times(least: int, most: int | None) -> str:
    short: dict[tuple[int, int | None], str] = {(0, 1): "?", (0, None): "*", (1, None): "+"}
    return short.get((least, most)) or (f"{{{least},}}" if most is None else f"{{{least},{most}}}")


def sequence(parts: Sequence[Node]) -> Node:
    """Return the parts one after another."""
    return parts[0] if len(parts) == 1 else Seq(tuple(parts))


def choice(options: Sequence[Node]) -> Node:
    """Return any one of the options, each named once."""
    different = tuple(dict.fromkeys(options))
    return different[0] if len(different) == 1 else Alt(different)
