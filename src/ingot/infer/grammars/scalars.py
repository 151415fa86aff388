"""Numbers and strings of a JSON schema: their bounds, patterns and formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ingot.infer.grammars.drafts import place_of
from ingot.infer.grammars.formats import FORMATS
from ingot.infer.grammars.merge import EXCLUDED
from ingot.infer.grammars.nodes import NOTHING, Node
from ingot.infer.grammars.numbers import integers, multiples, numbers
from ingot.infer.grammars.regex import lengths, of_length, read
from ingot.infer.grammars.strings import all_texts_but, any_string, quoted
from ingot.infer.grammars.words import MOST_REPEATED, refuse

_LARGEST_BOUND = 10**15 - 1  # numbers are written with 15 digits: a bound beyond them asks for nothing more


def _bound(schema: Mapping[str, Any], word: str) -> Decimal | None:
    value = schema.get(word)
    if value is None:
        return None
    place = place_of(schema, word)
    if (value > _LARGEST_BOUND) if "inimum" in word else (value < -_LARGEST_BOUND):
        refuse(place, f"{word} must be a number of at most 15 digits", "correct it")
    bound = min(max(Decimal(str(value)), -Decimal(_LARGEST_BOUND)), Decimal(_LARGEST_BOUND))
    exponent = bound.normalize().as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -6:
        refuse(place, f"{word} has more than six decimals", "round it")
    return bound


def number(schema: Mapping[str, Any], is_integer: bool) -> Node:
    """Return the numbers a schema allows."""
    step = schema.get("multipleOf")
    low, excludes_low = _tighter(schema, "minimum", "exclusiveMinimum", max)
    high, excludes_high = _tighter(schema, "maximum", "exclusiveMaximum", min)
    is_whole_step = step is not None and step == int(step)
    if not is_integer and not is_whole_step:
        decimals = None if step is None else _decimals_of(step)
        if step is not None and decimals is None:
            refuse(place_of(schema, "multipleOf"), f"multiples of {step} cannot be enforced", "use a whole number")
        return numbers(low, high, excludes_low, excludes_high, decimals)
    least = None if low is None else int(low.to_integral_value("ROUND_CEILING"))
    most = None if high is None else int(high.to_integral_value("ROUND_FLOOR"))
    least = least + 1 if least is not None and excludes_low and least == low else least
    most = most - 1 if most is not None and excludes_high and most == high else most
    if step is None or int(step) == 1:
        return integers(least, most)
    found = multiples(int(step), least, most)
    if found is None:
        refuse(place_of(schema, "multipleOf"), f"multiples of {step} cannot be enforced here", "add both bounds")
    return found


def _decimals_of(step: float) -> int | None:
    """Return how many decimals the multiples of 0.1, 0.01 and so on have; None for every other step."""
    digits = Decimal(str(step)).normalize().as_tuple()
    is_tenth = digits.digits == (1,) and isinstance(digits.exponent, int) and -6 <= digits.exponent < 0
    return -int(digits.exponent) if is_tenth else None


def _tighter(
    schema: Mapping[str, Any], including: str, excluding: str, pick: Callable[[Decimal, Decimal], Decimal]
) -> tuple[Decimal | None, bool]:
    one, other = _bound(schema, including), _bound(schema, excluding)
    if one is None or other is None:
        return (one, False) if other is None else (other, True)
    return (other, True) if pick(one, other) == other else (one, False)


def string(schema: Mapping[str, Any]) -> Node:
    """Return the strings a schema allows, quotes included."""
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    pattern, kind = schema.get("pattern"), schema.get("format", "")
    if most is not None and most < least:
        return NOTHING
    excluded = schema.get(EXCLUDED, ())
    if pattern is None and kind not in FORMATS:
        if least > MOST_REPEATED:
            refuse(place_of(schema, "minLength"), f"at least {least} characters cannot be asked for here")
        limit = None if most is None else min(most, max(least, MOST_REPEATED))
        return quoted(all_texts_but(excluded, least, limit)) if excluded else any_string(least, limit)
    return quoted(_formed(schema, pattern, kind, least, most))


def _formed(schema: Mapping[str, Any], pattern: str | None, kind: str, least: int, most: int | None) -> Node:
    """Return the texts of a pattern or a format."""
    if pattern is not None and kind in FORMATS:
        place = place_of(schema, "pattern")
        refuse(place, "a pattern beside a format cannot be enforced", "keep one of the two")
    if EXCLUDED in schema:
        refuse(place_of(schema), "texts to exclude beside a pattern cannot be enforced")
    if pattern is not None:
        body = read(pattern, place_of(schema, "pattern"))
    else:
        body = read(FORMATS[kind], place_of(schema, "format"), is_whole=True)
    fitting = of_length(body, least, most)
    if fitting is None:
        refuse(
            place_of(schema, "minLength" if lengths(body)[0] < least else "maxLength"),
            "a length beside a pattern that allows other lengths cannot be enforced",
            "write the length into the pattern, between ^ and $",
        )
    return fitting
