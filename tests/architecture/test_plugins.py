"""A plug-in is one file with a frozen `Config` and one entry; nothing else lies in a plug-in folder."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

from ingot.core.plugins import KINDS

Tree = Callable[[dict[str, str]], Path]


def broken_plugins(source: Path) -> list[str]:
    """Return what is wrong with the plug-in files below `source`, without importing them."""
    return [
        f"{path.relative_to(source)}: {fault}"
        for folder, entry in KINDS.values()
        for path in sorted((source / folder.replace(".", "/")).glob("*.py"))
        if path.name != "__init__.py"
        for fault in faults(ast.parse(path.read_text(encoding="utf-8")), entry)
    ]


def faults(module: ast.Module, entry: str) -> list[str]:
    defined = {
        node.name: node
        for node in module.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
    config = defined.get("Config")
    found = []
    if not ast.get_docstring(module):
        found.append("no docstring: its first sentence is the summary in listings")
    if not isinstance(config, ast.ClassDef):
        found.append("no Config")
    elif not any("frozen=True" in ast.unparse(decorator) for decorator in config.decorator_list):
        found.append("Config is not a frozen dataclass")
    if entry not in defined:
        found.append(f"no {entry}")
    return found


def test_every_plugin_file_has_its_config_and_entry(repository: Path) -> None:
    assert broken_plugins(repository / "src") == []


def test_broken_plugins_are_found(tree: Tree) -> None:
    good = '"""Read text."""\n@dataclass(frozen=True)\nclass Config: ...\ndef parse(): ...\n'
    source = tree(
        {
            "ingot/data/parsers/__init__.py": "",
            "ingot/data/parsers/good.py": good,
            "ingot/data/parsers/loose.py": good.replace("(frozen=True)", ""),
            "ingot/data/parsers/empty.py": "",
        }
    )
    assert broken_plugins(source) == [
        "ingot/data/parsers/empty.py: no docstring: its first sentence is the summary in listings",
        "ingot/data/parsers/empty.py: no Config",
        "ingot/data/parsers/empty.py: no parse",
        "ingot/data/parsers/loose.py: Config is not a frozen dataclass",
    ]
