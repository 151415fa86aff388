"""A YAML or JSON file of a person, read into plain values, with every fault named by its place.

A name that stands twice is refused: YAML would keep the last and say nothing. So is a file whose aliases (`*name`)
unfold to more values than any recipe has, or into themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ingot.core.errors import UsageError

# The longest list a recipe holds is one of paths.
_MOST_VALUES = 1_000_000


def read_yaml(path: Path) -> Any:
    """Return what the file holds. Raises UsageError with the line, where one is to blame."""
    where = str(path)
    try:
        content = _Loader(path.read_text(encoding="utf-8")).get_single_data()
    except OSError as error:
        why, fix = error.strerror or str(error), "check the path"
        raise UsageError("the file cannot be read", where=where, why=why, fix=fix) from error
    except UnicodeDecodeError as error:
        why = f"it is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}"
        raise UsageError("the file cannot be read", where=where, why=why, fix="save it as UTF-8 text") from error
    except RecursionError as error:
        why, fix = "its values lie too deep in one another", "write it with fewer levels"
        raise UsageError("the file cannot be read", where=where, why=why, fix=fix) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else where
        why = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise UsageError("the file is not valid YAML", where=place, why=why, fix="correct that place") from error
    except ValueError as error:  # a date of the 32nd, say
        raise UsageError("the file is not valid YAML", where=where, why=str(error), fix="put it in quotes") from error
    _refuse_bomb(content, where)
    return content


class _Loader(yaml.SafeLoader):
    """Reads plain values; a name that stands twice in one mapping is a fault, and so is a merge (`<<`) without end."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > _MOST_VALUES:
            raise yaml.constructor.ConstructorError(None, None, "this merges too many values", node.start_mark)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"the name {key.value!r} stands twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return node


def _refuse_bomb(content: object, where: str) -> None:
    """Walk everything as often as it is referred to. Raises UsageError when that finds no end."""
    waiting, count = [content], 0
    while waiting:
        value = waiting.pop()
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        waiting.extend(inner)
        count += 1
        if count > _MOST_VALUES:
            why = f"its aliases (`*name`) unfold to more than {_MOST_VALUES:,} values"
            raise UsageError("the file cannot be read", where=where, why=why, fix="write out what is meant")
