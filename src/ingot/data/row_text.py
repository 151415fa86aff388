"""A row of a table or of a query as a text with a name, a version and terms of its own.

A template puts columns into a text: `{title}` is replaced by the column's value, `{{` and `}}` stand for braces.
Nothing in it is executed, and without one the row is shown as its text column, or as `name: value` lines.
"""

from __future__ import annotations

import datetime
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

from ingot.core.errors import InputError, UsageError, suggest
from ingot.data.records import record_text

TERMS = ("owner", "licence", "access", "retention", "region")
_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")
_SEPARATORS = re.compile(r"\s*[,;|]\s*")


def check_columns(columns: Mapping[str, str], template: str, known: list[str], where: str) -> None:
    """Raise UsageError when a column that the options name is not there, or a term is not one."""
    for term in columns:
        if term not in TERMS:
            raise UsageError(f"{term!r} is not a term of use", where=f"{where}: columns", fix=suggest(term, TERMS))
    named = [*columns.values(), *(match[1] for match in _PLACE.finditer(template) if match[1])]
    for name in named:
        if name not in known:
            raise UsageError(f"there is no column {name!r}", where=where, fix=suggest(name, known))


def row_text(row: Mapping[str, Any], template: str) -> str:
    """Return the text of a row; a column without a value leaves nothing.

    >>> row_text({"title": "Leave", "days": 30}, "# {title}\\n\\n{{days}}: {days}")
    '# Leave\\n\\n{days}: 30'
    """
    if not template:
        return record_text({name: value if _is_plain(value) else str(value) for name, value in row.items()})
    return _PLACE.sub(lambda match: {"{{": "{", "}}": "}"}.get(match[0]) or _written(row.get(match[1])), template)


def row_uri(place: str, key: Any) -> str:
    """Return the name of a row: its key, with everything but letters, digits and `-._~` written out.

    Raises InputError for a row without a key.
    """
    if key is None or key == "":
        raise InputError("a row has no key", where=place, fix="choose a column that every row fills")
    return f"{place}/{urllib.parse.quote(_written(key), safe='')}"


def row_terms(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Return what the row's own columns say of owner, licence, access, retention and region."""
    found = {term: row.get(column) for term, column in columns.items()}
    terms: dict[str, Any] = {term: _written(value) for term, value in found.items() if value not in (None, "")}
    if "access" in terms:
        terms["access"] = _names(found["access"])
    return terms


def modified_seconds(value: Any) -> float:
    """Return a time in seconds since 1970, of a date, a time, a number or ISO 8601 text; 0 when it is none of them."""
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value.strip())
        except ValueError:
            return 0.0
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if isinstance(value, datetime.datetime):
        known = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return known.timestamp()
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _names(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list | tuple) else _SEPARATORS.split(str(value))
    return tuple(sorted({str(name).strip() for name in names if str(name).strip()}))


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", errors="replace")
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    return str(value)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | list | dict)
