"""Why a request could not be read: from the findings of the validator to words its caller can act on.

The first finding is told. The message names the parameter as the caller wrote it (`messages[0].role`), what it must be
and what came instead; `code` is one of those the OpenAI API uses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ingot.serve.openai_api import ApiError

_TYPES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a string",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
}
_RULES = {
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than_equal": "at most {le:g}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "literal_error": "{expected}",
    "value_error": "{error}",  # said by a type of openai_api
}
_SHOWN_CHARACTERS = 60


def misread(findings: Sequence[Mapping[str, Any]]) -> ApiError:
    """Return the refusal of a request with these findings of pydantic, its places beginning with "body"."""
    first = findings[0]
    kind, param = first["type"], param_at(first["loc"][1:])
    if kind == "json_invalid":
        return ApiError(400, f"the body is not JSON ({first['ctx']['error']}): send one JSON object")
    if param is None:
        return ApiError(400, "the body must be one JSON object: send it with the header Content-Type: application/json")
    if kind == "missing":
        return _refusal(f"{param} is missing: add it", param, "missing_required_parameter")
    if kind == "extra_forbidden":
        return _refusal(f"{param} is not a parameter of this route: leave it out", param, "unknown_parameter")
    code = "invalid_type" if kind in _TYPES else "invalid_value"
    return _refusal(f"{param} must be {rule(first)}, not {shown(first['input'])}", param, code)


def param_at(place: Sequence[str | int]) -> str | None:
    """Return a place in the body as the OpenAI API writes it.

    >>> param_at(("messages", 0, "role"))
    'messages[0].role'
    """
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    # A name may hold half a character, which no answer can.
    return "".join(parts).removeprefix(".").encode("utf-8", errors="replace").decode("utf-8") or None


def rule(finding: Mapping[str, Any]) -> str:
    """Return what a value must be."""
    words = _TYPES.get(finding["type"]) or _RULES.get(finding["type"], "another value")
    return words.format(**finding.get("ctx", {}))


def shown(value: object) -> str:
    """Return a value as the caller wrote it, cut when it is long."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _refusal(message: str, param: str, code: str) -> ApiError:
    return ApiError(400, message, param=param, code=code)
