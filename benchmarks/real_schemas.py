"""JSON schemas as people wrote them: those that installed packages brought along, and those of folders one names.

A folder may hold schemas (files ending in `.json`) and lines of functions to call, as BFCL keeps them; types by their
Python names are written as JSON schema has them, as everybody does who hands BFCL's functions to an API.
"""

from __future__ import annotations

import json
import site
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOST_BYTES = 200_000
_TYPES = {"dict": "object", "float": "number", "int": "integer", "tuple": "array", "list": "array", "str": "string"}
_WORDS = {"properties", "items", "anyOf", "oneOf", "allOf", "$ref", "enum"}


@dataclass(frozen=True)
class RealSchema:
    """A schema and where it lies: the package, or the first folder below the one that was named."""

    source: str
    path: str
    schema: Any


@dataclass(frozen=True)
class Function:
    """A function to call: its name and the schema of its arguments."""

    name: str
    parameters: Mapping[str, Any]


def installed() -> Iterator[RealSchema]:
    """Yield the schemas of installed packages."""
    for root in dict.fromkeys([sysconfig.get_paths()["purelib"], *site.getsitepackages()]):
        yield from of_folder(Path(root), needs_a_draft=True)


def of_folder(root: Path, needs_a_draft: bool = False) -> Iterator[RealSchema]:
    """Yield the schemas in the files of a folder, in the order of their paths, each once."""
    seen: set[str] = set()
    for path in sorted(root.rglob("*.json")):
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            continue
        try:
            schema = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            continue
        text = json.dumps(schema, sort_keys=True)
        if _is_schema(schema, needs_a_draft) and text not in seen:
            seen.add(text)
            inside = path.relative_to(root)
            yield RealSchema("/".join(inside.parts[:-1][:2]) or root.name, str(inside), schema)


def _is_schema(value: Any, needs_a_draft: bool) -> bool:
    if not isinstance(value, Mapping):
        return False
    names_a_draft = "json-schema.org" in str(value.get("$schema", ""))
    return names_a_draft or (not needs_a_draft and ("type" in value or bool(_WORDS & set(value))))


def functions(root: Path) -> Iterator[Function]:
    """Yield the functions in the lines of a folder's files, each name once."""
    seen: set[str] = set()
    for path in sorted(root.rglob("*.json")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for function in _functions_of(line):
                name = "".join(one if one.isalnum() or one in "_-" else "_" for one in function["name"])[:64]
                if name not in seen:
                    seen.add(name)
                    yield Function(name, _as_json_schema(function.get("parameters") or {"type": "object"}))


def _functions_of(line: str) -> Iterable[Mapping[str, Any]]:
    try:
        found = json.loads(line).get("function", [])
    except (ValueError, AttributeError):
        return []
    several = found if isinstance(found, list) else [found]
    return [one for one in several if isinstance(one, Mapping) and isinstance(one.get("name"), str)]


def _as_json_schema(schema: Any, is_schema: bool = True) -> Any:
    if isinstance(schema, list):
        return [_as_json_schema(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    written = {
        key: value if key in ("enum", "default", "required") else _as_json_schema(value, key != "properties")
        for key, value in schema.items()
    }
    kind = written.get("type")
    if is_schema and isinstance(kind, str):
        if kind == "any":
            del written["type"]
        else:
            written["type"] = _TYPES.get(kind.lower(), kind.lower())
    return written
