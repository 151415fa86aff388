"""Read a regular expression into the pieces of a grammar; anything that is not regular is refused.

What is read is common to ECMA 262 and Python, and means what is valid under both: `\\d`, `\\w` and `\\s` are ASCII,
and a complement that would differ between the two is kept to ASCII. Reading costs one pass; the automaton that follows
is bounded by `MOST_STATES`, so no expression, however nested, costs more.
"""

from __future__ import annotations

from typing import NoReturn

from ingot.core.errors import InputError
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
    sequence,
    size,
)

MOST_STATES = 20_000
_LONGEST = 4_000
_DEEPEST = 50
_ASCII = 0x7F

DIGIT = chars((0x30, 0x39))
_WORD = chars((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE = chars((0x09, 0x0D), (0x20, 0x20))
_SHORT = {
    "d": DIGIT,
    "w": _WORD,
    "s": _SPACE,
    "D": all_but(DIGIT, _ASCII),
    "W": all_but(_WORD, _ASCII),
    "S": all_but(chars((0x00, 0x20), (0x7F, 0x7F)), _ASCII),
}
_LINE_ENDS = chars((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_HEX_DIGITS = {"x": 2, "u": 4}
ANY = all_but(chars((0x00, 0x1F)))


def read(expression: str, where: str, is_whole: bool = False) -> Node:
    """Return the texts in which the expression matches somewhere; with `is_whole`, all of the text.

    Raises InputError, naming `where`, for what is no regular expression or grows too large.
    """
    if len(expression) > _LONGEST:
        _refuse(where, f"the expression is longer than {_LONGEST} characters")
    node = _Reader(expression, where, is_whole).whole()
    if size(node) > MOST_STATES:
        _refuse(where, f"the expression repeats itself into more than {MOST_STATES} states")
    return node


def _refuse(where: str, what: str) -> NoReturn:
    raise InputError(
        what,
        where=where,
        why="an answer can only be held to an expression that is regular and of bounded size",
        fix="write it without lookaround, back references and large repetitions",
    )


class _Reader:
    """One pass over an expression."""

    def __init__(self, expression: str, where: str, is_whole: bool) -> None:
        self._text, self._where, self._is_whole = expression, where, is_whole
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._choice(is_outermost=True)
        if self._at < len(self._text):
            self._fail("a bracket that was not opened")
        return node

    def _fail(self, what: str) -> NoReturn:
        _refuse(self._where, f"{what}, at character {self._at + 1} of {self._text!r}")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, expected: str = "") -> str:
        character = self._peek()
        if not character or (expected and character != expected):
            self._fail(f"{expected!r} is missing" if expected else "the expression ends too early")
        self._at += 1
        return character

    def _skip(self, text: str) -> bool:
        is_there = self._text.startswith(text, self._at)
        self._at += len(text) if is_there else 0
        return is_there

    def _choice(self, is_outermost: bool = False) -> Node:
        options = [self._alternative(is_outermost)]
        while self._skip("|"):
            options.append(self._alternative(is_outermost))
        return choice(options)

    def _alternative(self, is_outermost: bool) -> Node:
        has_anchor = self._skip("^")
        if has_anchor and not is_outermost:
            self._fail("an anchor inside brackets")
        begins_there = has_anchor or self._is_whole
        parts: list[Node] = []
        ends_there = self._is_whole
        while self._peek() not in ("", "|", ")"):
            if is_outermost and self._skip("$"):
                ends_there = True
                if self._peek() not in ("", "|"):
                    self._fail("text after $")
                break
            parts.append(self._repeated(self._atom()))
        if is_outermost:
            before = [] if begins_there else [Repeat(ANY, 0, None)]
            after = [] if ends_there else [Repeat(ANY, 0, None)]
            parts = [*before, *parts, *after]
        return sequence(parts) if parts else Seq(())

    def _atom(self) -> Node:
        character = self._take()
        if character == "(":
            return self._group()
        if character == "[":
            return self._class()
        if character == ".":
            return all_but(_LINE_ENDS)
        if character == "\\":
            return self._escape()
        if character in "*+?{":
            self._fail(f"{character!r} with nothing to repeat")
        if character in "^$":
            self._fail("an anchor in the middle")
        return Text(character)

    def _group(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            self._fail(f"brackets more than {_DEEPEST} deep")
        if self._skip("?"):
            if self._skip("P<") or (self._skip("<") and self._peek() not in "=!"):
                while self._take() != ">":
                    pass
            elif not self._skip(":"):
                self._fail("lookaround or a flag")
        node = self._choice()
        self._take(")")
        self._depth -= 1
        return node

    def _repeated(self, part: Node) -> Node:
        while (sign := self._peek()) and sign in "*+?{":
            least, most = self._times()
            if most is not None and (most < least or most > MOST_STATES):
                self._fail("a repetition that cannot be")
            if (
                not self._skip("?") and self._peek() == "+"
            ):  # a lazy one gives the same texts, a possessive one does not
                self._fail("a possessive repetition")
            part = Repeat(part, least, most)
            if size(part) > MOST_STATES:
                self._fail(f"a repetition into more than {MOST_STATES} states")
        return part

    def _times(self) -> tuple[int, int | None]:
        sign = self._take()
        if sign != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        inside = ""
        while (character := self._take()) != "}":
            inside += character
        first, comma, last = inside.partition(",")
        if not first.isdecimal() or not (last.isdecimal() or not last) or len(inside) > 12:
            self._fail("a repetition that is no number")
        return int(first), (int(last) if last else None) if comma else int(first)

    def _escape(self) -> Node:
        character = self._take()
        if character in _SHORT:
            return _SHORT[character]
        return Text(self._escaped(character))

    def _escaped(self, character: str) -> str:
        if character in _CONTROL:
            return _CONTROL[character]
        if character in _HEX_DIGITS:
            return self._by_code(_HEX_DIGITS[character])
        if character.isalnum():
            self._fail(f"\\{character}, which is not read here")
        return character

    def _by_code(self, digits: int) -> str:
        code = self._text[self._at : self._at + digits]
        if len(code) < digits or not all(one in "0123456789abcdefABCDEF" for one in code):
            self._fail("a code that is not hexadecimal")
        self._at += digits
        if int(code, 16) == 0 or 0xD800 <= int(code, 16) <= 0xDFFF:
            self._fail("a code that is no character of a text")
        return chr(int(code, 16))

    def _class(self) -> Chars:
        is_negated = self._skip("^")
        ranges: list[tuple[int, int]] = []
        has_shorthand = False
        while (first := self._take()) != "]" or not (ranges or has_shorthand):
            member = self._member(first)
            if isinstance(member, Chars):
                ranges += member.ranges
                has_shorthand = True
                continue
            last = member
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._take("-")
                end = self._member(self._take())
                if isinstance(end, Chars) or end < member:
                    self._fail("a range that goes backwards")
                last = end
            ranges.append((ord(member), ord(last)))
        inside = chars(*ranges)
        return all_but(inside, _ASCII) if is_negated and has_shorthand else all_but(inside) if is_negated else inside

    def _member(self, character: str) -> str | Chars:
        if character != "\\":
            return character
        escaped = self._take()
        return _SHORT[escaped] if escaped in _SHORT else "\b" if escaped == "b" else self._escaped(escaped)


def lengths(node: Node) -> tuple[int, int | None]:
    """Return the fewest and the most characters of a text; None for without end."""
    match node:
        case Text(text):
            return len(text), len(text)
        case Seq(parts):
            bounds = [lengths(part) for part in parts]
            most = [high for _, high in bounds if high is not None]
            return sum(low for low, _ in bounds), sum(most) if len(most) == len(bounds) else None
        case Alt(options):
            bounds = [lengths(option) for option in options] or [(0, 0)]
            most = [high for _, high in bounds if high is not None]
            return min(low for low, _ in bounds), max(most) if len(most) == len(bounds) else None
        case Repeat(part, least, most_times):
            low, high = lengths(part)
            return low * least, None if most_times is None or high is None else high * most_times
        case Lexeme(part):
            return lengths(part)
        case _:
            return 1, 1


def of_length(node: Node, least: int, most: int | None) -> Node | None:
    """Return texts of an expression that have so many characters; None when that cannot be said by its repetitions.

    One repetition is bounded, and so are the others where that is needed: some texts of such lengths may be left out.
    """
    shortest, longest = lengths(node)
    if shortest >= least and (most is None or (longest is not None and longest <= most)):
        return node
    if most is not None and (shortest > most or (longest is not None and longest < least)):
        return None
    match node:
        case Repeat(part, fewest, highest):
            low, high = lengths(part)
            if low != high or low == 0:
                return _repetition_of_length(node, least, most)
            times = highest if most is None else min(most // low, most // low if highest is None else highest)
            needed = max(fewest, -(-least // low))
            return Repeat(part, needed, times) if times is None or needed <= times else None
        case Seq(parts):
            return _sequence_of_length(parts, least, most)
        case Alt(options):
            kept = [one for one in (of_length(option, least, most) for option in options) if one is not None]
            return choice(kept) if kept else None
    return None


def _repetition_of_length(node: Repeat, least: int, most: int | None) -> Node | None:
    """Bound how often a part of several lengths comes, and how long it is each time."""
    low, high = lengths(node.part)
    needed = max(node.least, -(-least // low) if low else 0)
    if low == 0 and least > 0:
        return None
    if most is None:
        return Repeat(node.part, needed, node.most) if node.most is None or needed <= node.most else None
    times = min(most // max(low, 1), most if node.most is None else node.most)
    while times >= max(needed, 1):
        longest = most // times
        part = node.part if high is not None and high <= longest else of_length(node.part, low, longest)
        if part is not None:
            return Repeat(part, needed, times)
        times //= 2
    return Repeat(node.part, 0, 0) if needed == 0 and least == 0 else None


def _sequence_of_length(parts: tuple[Node, ...], least: int, most: int | None) -> Node | None:
    """Give what is missing to one part, and what there is too much of to the last parts that can be bounded."""
    fitted = list(parts)
    for place, part in enumerate(fitted):
        low, high = lengths(part)
        missing = least - sum(lengths(one)[0] for one in fitted)
        if missing > 0 and (high is None or high > low):
            longer = of_length(part, low + missing if high is None else min(high, low + missing), None)
            fitted[place] = part if longer is None else longer
    used = 0
    for place, part in enumerate(fitted if most is not None else ()):
        low, high = lengths(part)
        rest = [lengths(one) for one in fitted[place + 1 :]]
        spare = (most or 0) - used - low - sum(shortest for shortest, _ in rest)
        share = spare // (1 + sum(longest is None for _, longest in rest))
        shorter = of_length(part, low, low + share if high is None else min(high, low + spare)) if spare >= 0 else None
        if shorter is None:
            return None
        fitted[place] = shorter
        used += lengths(shorter)[1] or 0
    whole = sequence(fitted)
    shortest, longest = lengths(whole)
    fits = shortest >= least and (most is None or (longest is not None and longest <= most))
    return whole if fits else None
