"""The rules of a gate written down, in YAML; what may stand there is what `Rules` has.

quality:
- task: lease-exam
  margin: 0.03
memorisation: true
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingot.core.config import load
from ingot.core.errors import UsageError
from ingot.evaluate.gating.rules import Cost, Forgetting, Quality, Rules, Safety
from ingot.flow.yaml_file import read_yaml

_LISTS: dict[str, type[Any]] = {"quality": Quality, "safety": Safety, "cost": Cost, "forgetting": Forgetting}


def read_rules(path: Path) -> Rules:
    """Read a gate file. Raises UsageError naming the requirement and the field that is wrong."""
    content = read_yaml(path)
    if not isinstance(content, Mapping):
        fix = "write lines like quality: [{task: lease-exam, margin: 0.03}] and memorisation: true"
        raise UsageError("the file holds no rules of a gate", where=str(path), fix=fix)
    return rules_of(content, str(path))


def rules_of(fields: Mapping[str, Any], where: str) -> Rules:
    """Return rules from plain values; one requirement may stand without a list. `where` names them in errors."""
    listed = {name: _listed(value) if name in _LISTS else value for name, value in fields.items()}
    for name, kind in _LISTS.items():
        for number, one in enumerate(listed.get(name, ()), start=1):
            _check(kind, one, f"{where}, {name} {number}")
    try:
        return load(Rules, listed, where)
    except UsageError as error:
        raise UsageError(error.what, where=where, why=error.why, fix=error.fix) from None


def _listed(value: Any) -> list[Any]:
    # `quality:` with nothing behind it asks with what is usual.
    return [{} if each is None else each for each in (value if isinstance(value, list) else [value])]


def _check(kind: type[Any], given: Any, where: str) -> None:
    if not isinstance(given, Mapping):
        fix = "write its options, such as {task: lease-exam}, or nothing for what is usual"
        raise UsageError(f"{given!r} is no requirement", where=where, fix=fix)
    try:
        load(kind, given, where)
    except UsageError as error:
        raise UsageError(error.what, where=where, why=error.why, fix=error.fix) from None
