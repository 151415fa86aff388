"""A run reference is a string, so no linter checks it: each one in the sources is resolved here."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.core.plugins import resolve

Tree = Callable[[dict[str, str]], Path]

_REFERENCE = re.compile(r"ingot(\.\w+)+:\w+")
_IN_YAML = re.compile(r"\brun:\s*['\"]?(ingot(?:\.\w+)+:\w+)")


def references(root: Path) -> dict[str, str]:
    """Return every run reference written below `src` or in a YAML file, with the file that holds it."""
    found: dict[str, str] = {}
    for path in sorted(root.glob("src/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _REFERENCE.fullmatch(node.value):
                found[node.value] = str(path.relative_to(root))
    for path in sorted([*root.glob("examples/**/*.yaml"), *root.glob("docs/**/*.md")]):
        for match in _IN_YAML.finditer(path.read_text(encoding="utf-8")):
            found[match.group(1)] = str(path.relative_to(root))
    return found


def test_every_run_reference_resolves(repository: Path) -> None:
    found = references(repository)
    assert found, "no run reference in the sources: is the pattern still right?"
    for reference, place in found.items():
        assert callable(resolve(reference)), f"{place}: {reference}"


def test_a_reference_to_nothing_is_found(tree: Tree) -> None:
    root = tree(
        {
            "src/ingot/recipes/quick.py": 'STEP = "ingot.core.storage:no_such_function"\n"""as in ingot.a:b"""\n',
            "examples/recipe.yaml": "steps:\n  - run: ingot.no_such_room.run:go\n",
        }
    )
    assert set(references(root)) == {"ingot.core.storage:no_such_function", "ingot.no_such_room.run:go"}
    for reference in references(root):
        with pytest.raises(UsageError, match="run reference"):
            resolve(reference)
