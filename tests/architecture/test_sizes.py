"""A file that grew too long hides a second idea; so does a function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

Tree = Callable[[dict[str, str]], Path]

PYTHON_FOLDERS = ("src", "tests", "benchmarks", "examples", "sdk", "integrations")
MOST_FILE_LINES = 600
MOST_FUNCTION_LINES = 80
MOST_WEB_LINES = 300


def python_files(root: Path) -> Iterator[Path]:
    for folder in PYTHON_FOLDERS:
        yield from sorted((root / folder).rglob("*.py"))


def web_files(root: Path) -> Iterator[Path]:
    for path in sorted((root / "web").rglob("*.ts*")):
        if "node_modules" not in path.parts and path.suffix in (".ts", ".tsx"):
            yield path


def long_files(root: Path) -> list[str]:
    limits = [(path, MOST_FILE_LINES) for path in python_files(root)]
    limits += [(path, MOST_WEB_LINES) for path in web_files(root)]
    counted = ((path, limit, len(path.read_text(encoding="utf-8").splitlines())) for path, limit in limits)
    return [f"{path}: {lines} lines, at most {limit}" for path, limit, lines in counted if lines > limit]


def long_functions(root: Path) -> list[str]:
    return [
        f"{path}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines, at most {MOST_FUNCTION_LINES}"
        for path in python_files(root)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MOST_FUNCTION_LINES
    ]


def test_no_file_is_too_long(repository: Path) -> None:
    assert long_files(repository) == []


def test_no_function_is_too_long(repository: Path) -> None:
    assert long_functions(repository) == []


def test_long_files_and_functions_are_found(tree: Tree) -> None:
    body = "    pass\n" * MOST_FUNCTION_LINES
    root = tree(
        {
            "src/ingot/data/long.py": "x = 1\n" * (MOST_FILE_LINES + 1),
            "src/ingot/data/deep.py": f"class A:\n  def short(self): ...\ndef long():\n{body}",
            "web/src/features/runs/Runs.tsx": "\n" * (MOST_WEB_LINES + 1),
            "web/node_modules/x/index.ts": "\n" * (MOST_WEB_LINES + 1),
        }
    )
    assert [Path(line.split(":")[0]).name for line in long_files(root)] == ["long.py", "Runs.tsx"]
    (found,) = long_functions(root)
    assert "deep.py:3 long: 81 lines" in found
