"""Numbers and strings of a JSON schema: their bounds, patterns and formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ingot.infer.grammars.formats import FORMATS, UNFORCED_FORMATS
from ingot.infer.grammars.nodes import Node
from ingot.infer.grammars.numbers import integers, numbers
from ingot.infer.grammars.regex import lengths, read
from ingot.infer.grammars.strings import any_string, quoted
from ingot.infer.grammars.words import MOST_REPEATED, refuse


def count(schema: Mapping[str, Any], word: str, pointer: str) -> int | None:
    """Return the number a keyword such as minLength gives, or None."""
    value = schema.get(word)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or value != int(value):
        refuse(f"{pointer}/{word}", f"{word} must be a whole number, 0 or more", "correct it")
    return int(value)


def _bound(schema: Mapping[str, Any], word: str, pointer: str) -> Decimal | None:
    value = schema.get(word)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        refuse(f"{pointer}/{word}", f"{word} must be a number of at most 15 digits", "correct it")
    bound = Decimal(str(value))
    exponent = bound.normalize().as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -6:
        refuse(f"{pointer}/{word}", f"{word} has more than six decimals", "round it")
    return bound


def number(schema: Mapping[str, Any], is_integer: bool, pointer: str) -> Node:
    """Return the numbers a schema allows."""
    multiple = schema.get("multipleOf")
    if multiple is not None and not (is_integer and multiple == 1):
        refuse(f"{pointer}/multipleOf", "the keyword 'multipleOf' cannot be enforced", "leave it out, or use enum")
    for word in ("exclusiveMinimum", "exclusiveMaximum"):
        if isinstance(schema.get(word), bool):
            refuse(f"{pointer}/{word}", f"{word} as a boolean is draft 4", f"write the bound itself as {word}")
    low, excludes_low = _tighter(schema, "minimum", "exclusiveMinimum", pointer, max)
    high, excludes_high = _tighter(schema, "maximum", "exclusiveMaximum", pointer, min)
    if not is_integer:
        return numbers(low, high, excludes_low, excludes_high)
    least = None if low is None else int(low.to_integral_value("ROUND_CEILING"))
    most = None if high is None else int(high.to_integral_value("ROUND_FLOOR"))
    least = least + 1 if least is not None and excludes_low and least == low else least
    most = most - 1 if most is not None and excludes_high and most == high else most
    return integers(least, most)


def _tighter(
    schema: Mapping[str, Any], including: str, excluding: str, pointer: str, pick: Callable[[Decimal, Decimal], Decimal]
) -> tuple[Decimal | None, bool]:
    one, other = _bound(schema, including, pointer), _bound(schema, excluding, pointer)
    if one is None or other is None:
        return (one, False) if other is None else (other, True)
    return (other, True) if pick(one, other) == other else (one, False)


def string(schema: Mapping[str, Any], pointer: str) -> Node:
    """Return the strings a schema allows, quotes included."""
    least = count(schema, "minLength", pointer) or 0
    most = count(schema, "maxLength", pointer)
    pattern, kind = schema.get("pattern"), str(schema.get("format"))
    if kind in UNFORCED_FORMATS:
        refuse(f"{pointer}/format", f"the format {kind!r} cannot be enforced", f"use one of {', '.join(FORMATS)}")
    is_known = kind in FORMATS
    if pattern is None and not is_known:
        if least > MOST_REPEATED or (most is not None and most < least):
            refuse(f"{pointer}/minLength", f"at least {least} characters cannot be asked for here")
        return any_string(least, None if most is None else min(most, max(least, MOST_REPEATED)))
    if pattern is not None and is_known:
        refuse(f"{pointer}/pattern", "a pattern beside a format cannot be enforced", "keep one of the two")
    if pattern is not None and not isinstance(pattern, str):
        refuse(f"{pointer}/pattern", "a pattern must be a text", "correct it")
    body = read(pattern, f"{pointer}/pattern") if pattern is not None else read(FORMATS[kind], pointer, is_whole=True)
    shortest, longest = lengths(body)
    if shortest < least or (most is not None and (longest is None or longest > most)):
        refuse(
            f"{pointer}/{'minLength' if shortest < least else 'maxLength'}",
            "a length beside a pattern that allows other lengths cannot be enforced",
            "write the length into the pattern, between ^ and $",
        )
    return quoted(body)
