"""The form that the words of a schema have: what is of another form is refused before anything is read from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingot.infer.grammars.words import JSON_TYPES, refuse


def check_shape(word: str, value: Any, place: str) -> None:
    """Raise InputError when a word of a schema has a value of another form than it must."""
    if word in _SHAPES:
        fits, form = _SHAPES[word]
        if not fits(value):
            refuse(place, f"{word} must be {form}, not {str(value)[:40]!r}", "correct it")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and 0 <= value < float("inf") and value == int(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_type(value: Any) -> bool:
    kinds = [value] if isinstance(value, str) else value
    return isinstance(kinds, list) and bool(kinds) and all(kind in JSON_TYPES for kind in kinds)


_Fits = Callable[[Any], bool]
_COUNT: tuple[_Fits, str] = (_is_count, "a whole number, 0 or more")
_NUMBER: tuple[_Fits, str] = (_is_number, "a number")
_TEXT: tuple[_Fits, str] = (lambda value: isinstance(value, str), "a text")
_SHAPES: dict[str, tuple[_Fits, str]] = {
    "type": (_is_type, f"one or several of {', '.join(JSON_TYPES)}"),
    "enum": (lambda value: isinstance(value, list), "a list of values"),
    "required": (_is_texts, "a list of names"),
    "uniqueItems": (lambda value: isinstance(value, bool), "true or false"),
    "pattern": _TEXT,
    "format": _TEXT,
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    **dict.fromkeys(("minimum", "maximum"), _NUMBER),
    **dict.fromkeys(
        ("exclusiveMinimum", "exclusiveMaximum"), (lambda value: isinstance(value, int | float), "a number")
    ),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _COUNT),
}


def names_of(value: Any, place: str) -> list[str]:
    """Return a list of names. Raises InputError for anything else."""
    if not _is_texts(value):
        refuse(place, "it must be a list of names", "correct it")
    return list(value)
