"""Rewrite choices that begin alike, so that a reader that goes one character at a time never has to guess.

xgrammar joins the states of choices that begin with the same characters, and then lets through texts that none of them
allows: `"-" [1-9] [0-9]{3} | "-" [1-9] [0-9]` admits any number of digits (seen with openvino-genai 2026.4). A choice
of characters is therefore turned into an automaton whose next state is always certain, and written as one rule a
state.

It writes every counted repetition out, a rule for each time, and numbers its rules in 16 bits: past 32,767 of them it
takes one for another, or ends its process. So what is counted is one rule wherever it is said, and rules are counted.

It also takes control tokens for the text of their names, so a name must not stand in a text: a text stops short of it,
and JSON writes the sign it begins with as a code. Source: Brzozowski, Derivatives of Regular Expressions (1964);
xgrammar 0.1.31, cpp/grammar_parser.cc (HandleRepetitionRange), cpp/fsm.h (FSMEdge).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise

from ingot.core.errors import InputError
from ingot.infer.grammars.nodes import (
    EMPTY,
    NOTHING,
    Alt,
    Chars,
    Lexeme,
    Node,
    Ref,
    Repeat,
    Rules,
    Seq,
    Text,
    chars,
    common,
    size,
)
from ingot.infer.grammars.strings import bounds_of, plain_string

_MOST_STATES = 1_000  # of one automaton
_MOST_WORK = 1_000_000  # characters followed, each weighed by what it is followed in: a second or two
_MOST_TOGETHER = 60_000  # at 110,000 the library takes 7 s and 150 MiB (openvino-genai 2026.4)
_MOST_RULES = 30_000
_WRITTEN_OUT = 128  # of a repetition; what goes beyond is a counter, beside three copies of that many
_NAME_LETTERS = 3


def determined(rules: Rules, names: frozenset[str] = frozenset()) -> Rules:
    """Return rules of the same texts in which no choice of characters begins alike.

    Texts that hold the first `_NAME_LETTERS` characters of one of the `names` are left out. Raises InputError when the
    automaton of a choice grows too large.
    """
    rewriting = _Rewriting(frozenset(name[:_NAME_LETTERS] for name in names))
    whole = {name: rewriting.rewritten(node) for name, node in rules.items()} | rewriting.made
    if sum(map(size, whole.values())) > _MOST_TOGETHER:
        raise _too_many(f"its rules together need more than {_MOST_TOGETHER} states")
    if len(whole) + sum(map(rules_written, whole.values())) > _MOST_RULES:
        raise _too_many(f"the library would write it as more than {_MOST_RULES} rules")
    return whole


_State = tuple[Node, str]  # what may follow, and the beginning of a forbidden name that was just read


class _Rewriting:
    """The rules made on the way: one for each state of an automaton."""

    def __init__(self, forbidden: frozenset[str]) -> None:
        self.made: dict[str, Node] = {}
        self._forbidden = forbidden
        self._begun = frozenset(name[:length] for name in forbidden for length in range(len(name)))
        self._letters = sorted({edge for name in forbidden for one in name for edge in (ord(one), ord(one) + 1)})
        self._starts = chars(*((ord(name[0]), ord(name[0])) for name in forbidden))
        self._automata: dict[Node, Ref] = {}
        self._counted: dict[Node, Ref] = {}
        self._work = 0

    def rewritten(self, node: Node) -> Node:
        """Return a node without uncertain choices."""
        match node:
            case Lexeme(part):
                return self._lexeme(part)
            case Alt(options):
                return self._choice(options)
            case Seq(parts):
                return Seq(tuple(self.rewritten(part) for part in parts))
            case Repeat(part, least, most):
                written = self.rewritten(part)
                return Repeat(self._named(written) if _is_counted(node) else written, least, most)
        return node

    def _choice(self, options: tuple[Node, ...]) -> Node:
        """Join the options that are one lexeme each; those of several stay apart, and are told apart by rules."""
        lexemes = tuple(option for option in options if isinstance(option, Lexeme))
        others = [self._named(self.rewritten(option)) for option in options if not isinstance(option, Lexeme)]
        if len(lexemes) < 2 or _begin_apart(lexemes):
            return Alt((*map(self.rewritten, lexemes), *others))
        return Alt((self._automaton(Alt(tuple(one.part for one in lexemes))), *others))

    def _named(self, node: Node) -> Ref:
        if isinstance(node, Ref):
            return node
        name = f"c{len(self.made)}"
        self.made[name] = node
        return Ref(name)

    def _lexeme(self, part: Node) -> Node:
        bounds = bounds_of(part)
        if bounds is not None and bounds != (0, None) and self._starts.ranges:
            part = plain_string(*bounds, self._starts)  # counted, an automaton would need states for every length
        elif not _is_certain(part) or self._may_name(part):
            return self._automaton(part)
        return self._counting(part, is_outermost=True)

    def _counting(self, node: Node, is_outermost: bool = False) -> Node:
        """Give what is counted, and the whole around it, a rule that all who say it share."""
        if not _has_counts(node):
            return node
        if is_outermost:
            return self._shared(node, lambda: self._counting(node))
        match node:
            case Repeat(part, least, most) if _is_counted(node):
                return Repeat(self._shared(part, lambda: self._counting(part)), least, most)
            case Repeat(part, least, most):
                return Repeat(self._counting(part), least, most)
            case Seq(parts):
                return Seq(tuple(map(self._counting, parts)))
            case Alt(options):
                return Alt(tuple(map(self._counting, options)))
        return node

    def _shared(self, node: Node, write: Callable[[], Node]) -> Ref:
        if node not in self._counted:
            self._counted[node] = self._named(write())
        return self._counted[node]

    def _may_name(self, node: Node) -> bool:
        match node:
            case Chars():
                return _overlap(node, self._starts)
            case Seq(parts) | Alt(parts):
                return any(map(self._may_name, parts))
            case Repeat(part, _, _) | Lexeme(part):
                return self._may_name(part)
        return False

    def _automaton(self, node: Node) -> Ref:
        """Add one rule for each state; return a reference to the first."""
        if node not in self._automata:
            self._automata[node] = self._explored(node)
        return self._automata[node]

    def _explored(self, node: Node) -> Ref:
        prefix = f"s{len(self._automata)}"
        start: _State = (node, "")
        numbers: dict[_State, str] = {start: f"{prefix}q0"}
        waiting = [start]
        while waiting:
            state = waiting.pop()
            targets: dict[_State, list[tuple[int, int]]] = {}
            weight = size(state[0])
            for piece in self._pieces(state[0]):
                self._work += weight
                if self._work > _MOST_WORK:
                    raise _too_many("its choices take too long to tell apart")
                if (following := self._next(state, piece[0])) is not None:
                    targets.setdefault(following, []).append(piece)
            for following in targets:
                if following not in numbers:
                    numbers[following] = f"{prefix}q{len(numbers)}"
                    waiting.append(following)
            self.made[numbers[state]] = _written(state, targets, numbers)
            if len(numbers) > _MOST_STATES:
                raise _too_many(f"one of its choices needs more than {_MOST_STATES} states")
        return Ref(numbers[start])

    def _pieces(self, node: Node) -> Iterator[tuple[int, int]]:
        """Yield ranges of characters between which neither the node nor a name makes a difference."""
        starts = sorted({*_edges(node), *self._letters})
        for begin, last in first(node).ranges:
            cuts = [begin, *(start for start in starts if begin < start <= last), last + 1]
            yield from ((low, high - 1) for low, high in pairwise(cuts))

    def _next(self, state: _State, code: int) -> _State | None:
        node, begun = state
        read = begun + chr(code)
        while read and read not in self._begun:
            if read in self._forbidden:
                return None
            read = read[1:]
        return _after(node, code), read


def _written(state: _State, targets: dict[_State, list[tuple[int, int]]], names: dict[_State, str]) -> Node:
    options: list[Node] = [EMPTY] if can_be_empty(state[0]) else []
    for following, pieces in targets.items():
        step = chars(*pieces)
        if following[0] == EMPTY:
            options.append(step)
        elif following != state:
            options.append(Seq((step, Ref(names[following]))))
    # A loop is a repetition: as a reference to itself it would grow a stack as deep as the text is long.
    looping = [Repeat(chars(*targets[state]), 0, None)] if state in targets else []
    return Seq((*looping, Alt(tuple(options))))


def rules_written(node: Node) -> int:
    """Return how many rules at most the library adds for a node."""
    match node:
        case Seq(parts):
            return sum(map(rules_written, parts))
        case Alt(parts):
            return 1 + sum(map(rules_written, parts))
        case Repeat(part, least, most):
            copies = max(least, most or 2)
            copies = copies if copies <= _WRITTEN_OUT else 4 * _WRITTEN_OUT
            return copies * (1 + rules_written(part))
        case Chars():
            return 1
        case Lexeme(part):
            return rules_written(part)
    return 0


def _is_counted(node: Repeat) -> bool:
    return (node.least, node.most) not in ((0, 1), (0, None), (1, None))


@lru_cache(4096)
def _has_counts(node: Node) -> bool:
    match node:
        case Seq(parts) | Alt(parts):
            return any(map(_has_counts, parts))
        case Repeat(part, _, _):
            return _is_counted(node) or _has_counts(part)
    return False


def _too_many(why: str) -> InputError:
    return InputError(
        "the openvino engine cannot hold an answer to this grammar",
        where="grammar",
        why=why,
        fix="make the pattern or the choice simpler, or serve the model with the torch engine",
    )


def _is_certain(node: Node) -> bool:
    """Say whether the next character always decides which part it belongs to; False also when that is not sure."""
    match node:
        case Seq(parts):
            rests = [first(Seq(parts[place + 1 :])) for place in range(len(parts))]
            return all(map(_is_certain, parts)) and not any(map(_overlap, map(_going_on, parts), rests))
        case Alt(options):
            return _begin_apart(options) and all(map(_is_certain, options))
        case Repeat(part, _, most):
            return _is_certain(part) and (most == 1 or not _overlap(_going_on(part), first(part)))
        case Lexeme(part):
            return _is_certain(part)
    return True


def _going_on(node: Node) -> Chars:
    """Return the characters with which a text that is whole already, or not begun, could be continued."""
    begun = first(node).ranges if can_be_empty(node) else ()
    match node:
        case Seq(parts):
            ranges: list[tuple[int, int]] = []
            for part in reversed(parts):
                ranges += _going_on(part).ranges
                if not can_be_empty(part):
                    break
            return chars(*ranges, *begun)
        case Alt(options):
            return chars(*(one for option in options for one in _going_on(option).ranges), *begun)
        case Repeat(part, least, most):
            again = () if least == most else first(part).ranges
            return chars(*_going_on(part).ranges, *again, *begun)
        case Lexeme(part):
            return _going_on(part)
    return chars()


def _begin_apart(options: tuple[Node, ...]) -> bool:
    begins = [first(option) for option in options]
    if sum(map(can_be_empty, options)) > 1:
        return False
    together = chars(*(one for begin in begins for one in begin.ranges))
    return _count(together) == sum(map(_count, begins))


def _count(among: Chars) -> int:
    return sum(last - begin + 1 for begin, last in among.ranges)


def _overlap(one: Chars, other: Chars) -> bool:
    return bool(common(one, other).ranges)


@lru_cache(4096)
def can_be_empty(node: Node) -> bool:
    """Say whether the empty text is among its texts."""
    match node:
        case Text(text):
            return not text
        case Seq(parts):
            return all(map(can_be_empty, parts))
        case Alt(options):
            return any(map(can_be_empty, options))
        case Repeat(part, least, _):
            return least == 0 or can_be_empty(part)
        case Lexeme(part):
            return can_be_empty(part)
    return False


@lru_cache(4096)
def first(node: Node) -> Chars:
    """Return the characters its texts can begin with."""
    match node:
        case Text(text):
            return chars((ord(text[0]), ord(text[0]))) if text else chars()
        case Chars():
            return node
        case Seq(parts):
            ranges: list[tuple[int, int]] = []
            for part in parts:
                ranges += first(part).ranges
                if not can_be_empty(part):
                    break
            return chars(*ranges)
        case Alt(options):
            return chars(*(one for option in options for one in first(option).ranges))
        case Repeat(part, _, _) | Lexeme(part):
            return first(part)
    return chars()


def _edges(node: Node) -> Iterator[int]:
    """Yield where the ranges begin, and end, that the next character is compared with."""
    match node:
        case Text(text):
            yield from (ord(text[0]), ord(text[0]) + 1) if text else ()
        case Chars(ranges):
            for begin, last in ranges:
                yield from (begin, last + 1)
        case Seq(parts):
            for part in parts:
                yield from _edges(part)
                if not can_be_empty(part):
                    return
        case Alt(options):
            for option in options:
                yield from _edges(option)
        case Repeat(part, _, _) | Lexeme(part):
            yield from _edges(part)


def _after(node: Node, code: int) -> Node:
    """Return what may follow this character: the derivative."""
    match node:
        case Text(text):
            return _text(text[1:]) if text and ord(text[0]) == code else NOTHING
        case Chars(ranges):
            return EMPTY if any(begin <= code <= last for begin, last in ranges) else NOTHING
        case Seq(parts):
            options: list[Node] = []
            for place, part in enumerate(parts):
                options.append(_joined((_after(part, code), *parts[place + 1 :])))
                if not can_be_empty(part):
                    break
            return _united(options)
        case Alt(parts):
            return _united([_after(option, code) for option in parts])
        case Repeat(part, least, most):
            fewer = _times(part, max(least - 1, 0), None if most is None else most - 1)
            return _joined((_after(part, code), fewer))
        case Lexeme(part):
            return _after(part, code)
    return NOTHING


def _text(text: str) -> Node:
    return Text(text) if text else EMPTY


def _times(part: Node, least: int, most: int | None) -> Node:
    return EMPTY if most == 0 else Repeat(part, least, most)


def _joined(parts: tuple[Node, ...]) -> Node:
    kept: list[Node] = []
    for part in parts:
        if part == NOTHING:
            return NOTHING
        kept += part.parts if isinstance(part, Seq) else [part]
    return kept[0] if len(kept) == 1 else Seq(tuple(kept))


def _united(options: list[Node]) -> Node:
    kept: dict[Node, None] = {}
    for option in options:
        kept.update(dict.fromkeys(option.options if isinstance(option, Alt) else [option]))
    kept.pop(NOTHING, None)
    return next(iter(kept)) if len(kept) == 1 else Alt(tuple(sorted(kept, key=repr)))
