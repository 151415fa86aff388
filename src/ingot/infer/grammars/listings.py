"""Values one after another, with commas between those that are there: items, properties, whole constants."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingot.infer.grammars.nodes import (
    EMPTY,
    NOTHING,
    Alt,
    Lexeme,
    Node,
    Ref,
    Repeat,
    Seq,
    Text,
    choice,
    optional,
    sequence,
)
from ingot.infer.grammars.words import MOST_REPEATED

_COMMA = Lexeme(Text(", "))
_COLON = Lexeme(Text(": "))

NewRule = Callable[[Node], Ref]


def fields(several: Sequence[tuple[bool, Node]], least: int, most: int | None, rule: NewRule) -> Node:
    """Return fields in their order, each once or, when it need not be there, left out; at least and at most so many.

    The grammar remembers how many were written as far as the bounds ask for it, and whether any were.
    """
    needed = sum(is_required for is_required, _ in several)
    limit = len(several) if most is None else most
    if limit < max(least, needed) or len(several) < least:
        return NOTHING
    least = least if least > needed else 0
    most_counted = limit if limit < len(several) else max(least, 1)
    after: dict[int, Node] = {count: EMPTY if count >= least else NOTHING for count in range(most_counted + 1)}
    for place in range(len(several) - 1, -1, -1):
        after = _before(several[place], after, limit if limit < len(several) else None, rule, range(place + 1))
    return after[0]


def _before(
    field: tuple[bool, Node], after: Mapping[int, Node], limit: int | None, rule: NewRule, counts: range
) -> dict[int, Node]:
    """Return what may follow before this field, by how many fields were written; `after` says the same behind it."""
    is_required, written = field
    highest = max(after)
    before: dict[int, Node] = {}
    for count in after:
        if count not in counts:  # so many cannot have been written yet
            before[count] = NOTHING
            continue
        rest = after[min(count + 1, highest)] if limit is None or count < limit else NOTHING
        taken = NOTHING if rest == NOTHING else sequence([*([_COMMA] if count else []), written, *_kept(rest)])
        left = NOTHING if is_required else after[count]
        before[count] = _named(_or_else(taken, left), rule if count else None)
    return before


def _kept(rest: Node) -> list[Node]:
    return [] if rest == EMPTY else [rest]


def _or_else(taken: Node, left: Node) -> Node:
    if taken == NOTHING or left == NOTHING:
        return left if taken == NOTHING else taken
    match left:
        case Seq(()):
            return optional(taken)
        case Repeat(part, 0, 1):
            return optional(_or_else(taken, part))
        case Alt(options):
            return choice([taken, *options])
    return choice([taken, left])


def _named(node: Node, rule: NewRule | None) -> Node:
    return node if rule is None or node in (NOTHING, EMPTY) or isinstance(node, Ref) else rule(node)


def listing(fixed: Sequence[Node], more: Node | None, least: int, most: int | None) -> Node:
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


def _less_one(bound: int | None, fixed: Sequence[Node]) -> int | None:
    return bound if bound is None or fixed else bound - 1


def exactly(value: Any) -> Node:
    """Return one value, written as every other is."""
    if isinstance(value, list):
        return Seq((Lexeme(Text("[")), listing(list(map(exactly, value)), None, len(value), None), Lexeme(Text("]"))))
    if isinstance(value, Mapping):
        pairs: list[Node] = [Seq((Lexeme(Text(_dumped(key))), _COLON, exactly(one))) for key, one in value.items()]
        return Seq((Lexeme(Text("{")), listing(pairs, None, len(pairs), None), Lexeme(Text("}"))))
    return Lexeme(Text(_dumped(value)))


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
