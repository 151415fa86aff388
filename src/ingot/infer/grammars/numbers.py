"""The decimal numbers between two bounds, as pieces of a grammar."""

from __future__ import annotations

import math
from decimal import Decimal

from ingot.infer.grammars.nodes import Alt, Node, Repeat, Seq, Text, chars, choice, sequence

_DIGITS = 15  # what a double holds exactly
_LARGEST = 10**_DIGITS - 1
_EXTRA_DECIMALS = 2
_MOST_LISTED = 200  # multiples that are written out


def _digit(first: int, last: int) -> Node:
    return Text(str(first)) if first == last else chars((0x30 + first, 0x30 + last))


def _same_length(low: str, high: str) -> list[list[tuple[int, int]]]:
    """Return digit ranges, one list per option, that cover low..high; both have the same number of digits."""
    if not low:
        return [[]]
    first, last = int(low[0]), int(high[0])
    if first == last:
        return [[(first, first), *rest] for rest in _same_length(low[1:], high[1:])]
    nines, zeros = "9" * (len(low) - 1), "0" * (len(low) - 1)
    options: list[list[tuple[int, int]]] = []
    begin, end = first, last
    if low[1:] != zeros:
        options += [[(first, first), *rest] for rest in _same_length(low[1:], nines)]
        begin += 1
    if high[1:] != nines:
        end -= 1
    if begin <= end:
        options.append([(begin, end), *[(0, 9)] * len(nines)])
    if high[1:] != nines:
        options += [[(last, last), *rest] for rest in _same_length(zeros, high[1:])]
    return options


def _written(digits: list[tuple[int, int]], decimals: int) -> Node:
    parts: list[Node] = [_digit(*one) for one in digits]
    if decimals:
        parts.insert(len(parts) - decimals, Text("."))
    return sequence(parts)


def _natural(low: int, high: int, decimals: int = 0) -> list[Node]:
    """Return the options for low..high, 0 or more; the last `decimals` digits stand behind a point."""
    options: list[Node] = []
    for length in range(max(len(str(low)), decimals + 1), max(len(str(high)), decimals + 1) + 1):
        # Leading zeros are allowed only as the one digit before the point.
        least = 10 ** (length - 1) if length > decimals + 1 else 0
        begin, end = max(low, least), min(high, 10**length - 1)
        if begin <= end:
            ranges = _same_length(str(begin).zfill(length), str(end).zfill(length))
            options += [_written(one, decimals) for one in ranges]
    return options


def _signed(low: int, high: int, decimals: int = 0) -> list[Node]:
    options: list[Node] = []
    if low < 0:
        options += [Seq((Text("-"), one)) for one in _natural(max(1, -high), -low, decimals)]
    if high >= 0:
        options += _natural(max(0, low), high, decimals)
    return options


def integers(low: int | None, high: int | None) -> Node:
    """Return the whole numbers from low to high, both included; None is no bound (15 digits at most)."""
    bounds = (-_LARGEST if low is None else low, _LARGEST if high is None else high)
    if bounds == (-_LARGEST, _LARGEST):
        return Seq((Repeat(Text("-"), 0, 1), _ANY_NATURAL))
    options = _signed(*bounds) if bounds[0] <= bounds[1] else []
    return choice(options) if options else Alt(())


def multiples(step: int, low: int | None, high: int | None) -> Node | None:
    """Return multiples of a whole number between two bounds, each included; None when they are too many to say."""
    if low is not None and high is not None and (high - low) // step < _MOST_LISTED:
        first, last = -(-low // step), high // step
        return choice([Text(str(step * one)) for one in range(first, last + 1)]) if first <= last else Alt(())
    tens = len(str(step)) - 1
    if low is None and high is None and step == 10**tens:
        return Alt((Text("0"), Seq((Repeat(Text("-"), 0, 1), _POSITIVE, Text("0" * tens)))))
    if step == 10**tens and (low is None or low <= 0) and (high is None or high >= 0):
        # A multiple of ten thousand is any whole number with four zeros behind it.
        least = None if low is None else -(-low // step)
        most = None if high is None else high // step
        some = [integers(least, -1), integers(1, most)] if least is None or least < 0 else [integers(1, most)]
        return choice([Text("0"), *(sequence([one, Text("0" * tens)]) for one in some if one != Alt(()))])
    return None


_POSITIVE = Seq((chars((0x31, 0x39)), Repeat(chars((0x30, 0x39)), 0, _DIGITS - 1)))
_ANY_NATURAL = Alt((Text("0"), Seq((chars((0x31, 0x39)), Repeat(chars((0x30, 0x39)), 0, _DIGITS - 1)))))
_FRACTION = Seq((Text("."), Repeat(chars((0x30, 0x39)), 1, _DIGITS)))
_EXPONENT = Seq(
    (chars((0x45, 0x45), (0x65, 0x65)), Repeat(chars((0x2B, 0x2B), (0x2D, 0x2D)), 0, 1), chars((0x30, 0x39)))
)


def numbers(
    low: Decimal | None, high: Decimal | None, excludes_low: bool, excludes_high: bool, most_decimals: int | None = None
) -> Node:
    """Return numbers between the bounds: whole ones, and ones with so many decimals, or two more than the bounds."""
    if low is None and high is None and most_decimals is None:
        return Seq((Repeat(Text("-"), 0, 1), _ANY_NATURAL, Repeat(_FRACTION, 0, 1), Repeat(_EXPONENT, 0, 1)))
    options: list[Node] = []
    finest = max(_decimals(low), _decimals(high)) + _EXTRA_DECIMALS if most_decimals is None else most_decimals
    for decimals in (0, finest):
        scale = Decimal(10) ** decimals
        # Multiples have 15 digits altogether, so that a double is written with the same decimals.
        largest = _LARGEST * int(scale) if most_decimals is None else _LARGEST
        least = -largest if low is None else max(_inside(low * scale, excludes_low, 1), -largest)
        most = largest if high is None else min(_inside(high * scale, excludes_high, -1), largest)
        if least <= most:
            options += _signed(least, most, decimals)
    return choice(options) if options else Alt(())


def _decimals(bound: Decimal | None) -> int:
    exponent = 0 if bound is None else bound.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _inside(bound: Decimal, is_excluded: bool, direction: int) -> int:
    whole = math.ceil(bound) if direction > 0 else math.floor(bound)
    return whole + direction if is_excluded and whole == bound else whole
