"""Why a request could not be read: from the findings of the validator to words its caller can act on.

The first finding is told. The message names the parameter as the caller wrote it (`messages[0].role`), what it must be
and what came instead; `code` is one of those the OpenAI API uses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ingot.serve.refusal import Refusal

_TYPES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a string",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "none_required": "null (no model here does more)",
}
_RULES = {
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "below {lt:g}",
    "less_than_equal": "at most {le:g}",
    "finite_number": "a finite number",
    "string_too_short": "a string of at least {min_length} characters",
    "string_too_long": "a string of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "literal_error": "{expected}",
    "value_error": "{error}",  # said by a type of wire/fields
}
_SHOWN_CHARACTERS = 60


def misread(findings: Sequence[Mapping[str, Any]]) -> Refusal:
    """Return the refusal of a request with these findings of pydantic."""
    first = findings[0]
    kind, place = first["type"], first["loc"]
    param = param_at(place)
    if param is None:
        return Refusal(400, "the body must be one JSON object", kind=kind)
    if kind == "missing":
        message, code = f"{param} is missing: add it", "missing_required_parameter"
    elif kind == "extra_forbidden":
        message, code = f"{param} is not a parameter of this route: leave it out", "unknown_parameter"
    else:
        message = f"{param} must be {rule(first)}, not {shown(first['input'])}"
        code = "invalid_type" if kind in _TYPES else "invalid_value"
    return Refusal(400, message, param=param, code=code, place=[_whole(part) for part in place], kind=kind)


def param_at(place: Sequence[str | int]) -> str | None:
    """Return a place in the body as the OpenAI API writes it.

    >>> param_at(("messages", 0, "role"))
    'messages[0].role'
    """
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return str(_whole("".join(parts).removeprefix("."))) or None


def rule(finding: Mapping[str, Any]) -> str:
    """Return what a value must be."""
    words = _TYPES.get(finding["type"]) or _RULES.get(finding["type"], "another value")
    return words.format(**finding.get("ctx", {}))


def shown(value: object) -> str:
    """Return a value as the caller wrote it, cut when it is long."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _whole(part: str | int) -> str | int:
    # A name may hold half a character, which no answer can.
    return part if isinstance(part, int) else part.encode("utf-8", errors="replace").decode("utf-8")
