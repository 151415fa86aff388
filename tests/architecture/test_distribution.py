"""What is installed is what the sources say: one version, every imported library declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import ingot

Tree = Callable[[dict[str, str]], Path]

# Distribution names that differ from the module they bring.
MODULE_OF = {
    "pyyaml": "yaml",
    "openvino-genai": "openvino_genai",
    "charset-normalizer": "charset_normalizer",
    "google-re2": "re2",
    "prometheus-client": "prometheus_client",
}
# Modules that come with a declared distribution under another name.
COMES_WITH = {
    "markupsafe": "jinja2",
    "starlette": "fastapi",
    "pydantic_core": "pydantic",
    "referencing": "jsonschema",
    "openvino": "openvino_genai",
}

# Imported by a library of ours when it is there: uvicorn reads HTTP with the one, starlette forms with the other.
NEEDED_BY_ANOTHER = {"httptools", "python-multipart"}

# Extras that are for developers, or name other extras.
NOT_LIBRARIES = ("dev", "all")


def declared(root: Path) -> set[str]:
    """Return the modules that the distribution and its extras for users bring."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    wanted = project["dependencies"] + [
        line for name, lines in extras.items() if name not in NOT_LIBRARIES for line in lines
    ]
    names = (re.split(r"[^A-Za-z0-9_-]", line)[0].lower() for line in wanted)
    return {MODULE_OF.get(name, name) for name in names}


def undeclared(root: Path) -> list[str]:
    known = declared(root) | set(sys.stdlib_module_names) | {"ingot"}
    return sorted(
        f"{path.relative_to(root)} imports {top}"
        for path in (root / "src/ingot").rglob("*.py")
        for top in _tops(ast.parse(path.read_text(encoding="utf-8")))
        if COMES_WITH.get(top, top) not in known
    )


def unused(root: Path) -> list[str]:
    """Return the declared modules that no file of the package imports."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (root / "src/ingot").rglob("*.py"))
    used = {COMES_WITH.get(top, top) for tree in trees for top in _tops(tree)}
    return sorted(declared(root) - used - NEEDED_BY_ANOTHER)


def missing_extras(root: Path) -> list[str]:
    """Return the extras that an error tells people to install and that do not exist."""
    extras = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (root / "src/ingot").rglob("*.py"))
    calls = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = (call.args[1] for call in calls if ast.unparse(call.func).endswith("MissingExtraError") and call.args[1:])
    return sorted({str(name.value) for name in named if isinstance(name, ast.Constant)} - set(extras))


def _tops(tree: ast.Module) -> set[str]:
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def test_one_version(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert ingot.__version__ == project["version"]
    assert f"## {project['version']}" in (repository / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_imported_library_is_declared(repository: Path) -> None:
    assert undeclared(repository) == []


def test_every_declared_library_is_used(repository: Path) -> None:
    assert unused(repository) == []


def test_every_extra_an_error_names_exists(repository: Path) -> None:
    assert missing_extras(repository) == []


def test_an_extra_that_does_not_exist_is_found(tree: Tree) -> None:
    root = tree(
        {
            "pyproject.toml": '[project.optional-dependencies]\nfast = ["numba"]\n',
            "src/ingot/infer/engines/a.py": 'raise errors.MissingExtraError("the engine", "gpu")\n',
            "src/ingot/infer/engines/b.py": 'raise MissingExtraError("the engine", "fast")\n',
        }
    )
    assert missing_extras(root) == ["gpu"]


def test_an_undeclared_and_an_unused_library_are_found(tree: Tree) -> None:
    root = tree(
        {
            "pyproject.toml": '[project]\ndependencies = ["numpy>=2", "click"]\n',
            "src/ingot/data/run.py": "import json\nimport numpy\nimport pandas.core\n",
        }
    )
    assert undeclared(root) == ["src/ingot/data/run.py imports pandas"]
    assert unused(root) == ["click"]
