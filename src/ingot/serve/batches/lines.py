"""The input of a batch: one request a line, each with a name of the caller's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError
from ingot.serve.speaking import json_of

MOST_LINES = 50_000
MOST_LINE_BYTES = 2 << 20


@dataclass(frozen=True)
class Line:
    """One request: its number among all, the caller's name for it, and its body."""

    number: int
    custom_id: str
    body: Mapping[str, Any]


def lines(paths: Sequence[Path], endpoint: str) -> Iterator[Line]:
    """Yield the requests of some files. Raises InputError naming the first line that cannot be one."""
    names: set[str] = set()
    for number, text in enumerate(_texts(paths)):
        where = f"line {number + 1}"
        if number >= MOST_LINES:
            raise InputError(f"the input has more than {MOST_LINES} requests", where=where, fix="split it")
        line = _line(text, number, endpoint, where)
        if line.custom_id in names:
            raise InputError(f"the custom_id {line.custom_id!r} is there twice", where=where, fix="give each its own")
        names.add(line.custom_id)
        yield line
    if not names:
        raise InputError("the input is empty", fix="write one request a line, as JSON")


def _texts(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while text := file.readline(MOST_LINE_BYTES + 1):
                if len(text) > MOST_LINE_BYTES:
                    raise InputError(f"a line is longer than {MOST_LINE_BYTES} bytes", fix="send shorter requests")
                if text.strip():
                    yield text


def _line(text: bytes, number: int, endpoint: str, where: str) -> Line:
    try:
        read = json_of(text)
        body, custom_id = read["body"], read.get("custom_id", str(number))
    except (ValueError, TypeError, KeyError, AttributeError):
        read, body, custom_id = {}, None, None
    if not isinstance(body, dict) or not isinstance(custom_id, str):
        fix = 'write {"custom_id": "...", "method": "POST", "url": "' + endpoint + '", "body": {...}}'
        raise InputError("it is no request", where=where, fix=fix)
    if read.get("url", endpoint) != endpoint or read.get("method", "POST") != "POST":
        raise InputError(f"it is not a POST to {endpoint}", where=where, fix="make one batch for each endpoint")
    return Line(number, custom_id, body)
