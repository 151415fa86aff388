"""A task written down: a YAML file that names the plug-in, the files with questions, and the options.

    task: multiple_choice
    data: [./exam.csv]
    options: {style: texts}

Paths are relative to the file. What else may stand there is what `TaskConfig` has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.core.config import load
from ingot.core.errors import UsageError
from ingot.core.plugins import load as load_plugin
from ingot.evaluate.config import TaskConfig
from ingot.flow.yaml_file import read_yaml

_PATHS = ("data", "examples")


@dataclass(frozen=True)
class TaskFile:
    """What a task is made of: its config, the files with its questions, and those with solved examples."""

    name: str
    config: TaskConfig
    data: tuple[Path, ...] = ()
    examples: tuple[Path, ...] = ()


def read_task_file(path: Path) -> TaskFile:
    """Read a task file. Raises UsageError naming the field that is wrong."""
    content = read_yaml(path)
    if not isinstance(content, Mapping) or "task" not in content:
        fix = "write lines like task: multiple_choice and data: [./exam.csv]; `ingot plugins task` lists what there is"
        raise UsageError("the file names no task", where=str(path), fix=fix)
    rest = {name: value for name, value in content.items() if name not in (*_PATHS, "name")}
    data, examples = (_paths(content.get(name, []), path, name) for name in _PATHS)
    return TaskFile(str(content.get("name", path.stem)), checked(rest, str(path)), data, examples)


def checked(fields: Mapping[str, Any], where: str) -> TaskConfig:
    """Return a task's config, its options checked against its plug-in's. Raises UsageError naming the field."""
    config = load(TaskConfig, fields, where)
    load(load_plugin("task", config.task).config_type, config.options, f"{where}: options")
    return config


def _paths(given: object, path: Path, name: str) -> tuple[Path, ...]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise UsageError(f"{name} is no list of paths", where=str(path), fix=f"write {name}: [./exam.csv]")
    return tuple(path.parent / Path(each).expanduser() for each in listed)
