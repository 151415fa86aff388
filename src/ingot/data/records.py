"""A record (a row of a table, a JSON object) as readable text.

When one of its fields is the text, that field is taken, under its title if it has one. Otherwise every field becomes a
`name: value` line, nested ones indented, so that a model reads what a person would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TEXT_FIELDS = ("text", "content", "body", "document", "markdown", "page_content")
_TITLE_FIELDS = ("title", "subject", "headline")


def text_field(names: Sequence[str]) -> str | None:
    """Return the name of the field that holds the text, whatever its case, or None."""
    by_lower = {name.strip().lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in TEXT_FIELDS if name in by_lower), None)


def record_text(record: Mapping[str, Any]) -> str:
    """Return the record's own text, or all its fields as lines."""
    field = text_field(list(record))
    text = record[field] if field is not None else None
    if not isinstance(text, str) or not text.strip():
        return "\n".join(field_lines(record))
    title = next((record[name] for name in record if name.strip().lower() in _TITLE_FIELDS), None)
    if isinstance(title, str) and title.strip() and not text.lstrip().startswith(title.strip()):
        return f"{title.strip()}\n\n{text}"
    return text


def field_lines(record: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield the fields that hold something as `name: value` lines, nested ones below their name."""
    for name, value in record.items():
        if value is None or value in ("", [], {}):
            continue
        if isinstance(value, dict):
            yield f"{indent}{name}:"
            yield from field_lines(value, indent + "  ")
        elif isinstance(value, list):
            yield from _list_lines(name, value, indent)
        else:
            yield f"{indent}{name}: {as_text(value)}"


def _list_lines(name: str, values: list[Any], indent: str) -> Iterator[str]:
    if all(not isinstance(value, dict | list) for value in values):
        yield f"{indent}{name}: {', '.join(as_text(value) for value in values)}"
        return
    yield f"{indent}{name}:"
    for value in values:
        inner = list(field_lines(value if isinstance(value, dict) else {"-": value}, indent + "    "))
        if inner:
            yield f"{indent}  - {inner[0].lstrip()}"
            yield from inner[1:]


def as_text(value: Any) -> str:
    """Return a scalar as it is written in JSON, strings without quotes."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
