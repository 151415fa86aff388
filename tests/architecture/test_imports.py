"""Who may import what, where layers cannot say it; and calls that no file may make."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

Tree = Callable[[dict[str, str]], Path]

# module -> the places below src/ingot that may import it (a lazy import counts)
PLACES: dict[str, tuple[str, ...]] = {
    "importlib": ("flow/runner.py", "core/plugins.py"),
    "imp": (),
    "runpy": (),
    "sqlite3": ("control/",),
    "sqlalchemy": ("control/", "data/connectors/sql.py"),  # a database to read, not the house's own
    "alembic": ("control/",),
    "psycopg": ("control/",),
    "fastapi": ("control/", "serve/"),
    "starlette": ("control/", "serve/"),
    "uvicorn": ("control/", "serve/", "cli/serve.py"),
    "click": ("cli/",),
    "rich": ("cli/",),
    "httpx": ("core/fetch.py",),
    "requests": ("core/fetch.py",),
    "aiohttp": ("core/fetch.py",),
    "urllib.request": ("core/fetch.py",),
    "urllib3": ("core/fetch.py",),
    "gigatoken": ("tokenizer/bulk.py",),
    "numba": ("core/compiling.py",),
    "optuna": ("train/search.py",),
    # llama.cpp's tokenizer answers over loopback alone, in our own process or child; a server of models on a socket of
    # our own, or at the one address that its operator gave.
    "http.client": ("core/fetch.py", "infer/readers/llamacpp.py", "infer/engines/llamacpp.py", "infer/remote.py"),
    "torch.distributed": ("train/parallel/",),
    "pickle": (),
    "cloudpickle": (),
    "dill": (),
    "marshal": (),
    "shelve": (),
    "transformers": ("infer/readers/transformers.py",),  # to ask it what it makes of an export
    "ingot_client": ("cli/",),
}
# Libraries the house is built with. Any other one belongs to the plug-in files that need it.
FOUNDATION = {
    "charset_normalizer",
    "click",
    "fastapi",
    "filelock",
    "gigatoken",
    "httpx",
    "ingot",
    "ingot_client",
    "jinja2",
    "markupsafe",
    "numba",
    "numpy",
    "optuna",
    "psutil",
    "pyarrow",
    "pydantic",
    "re2",
    "rich",
    "safetensors",
    "starlette",
    "tokenizers",
    "torch",
    "urllib3",
    "uvicorn",
    "yaml",
    "zstandard",
}
PLUGIN_FOLDERS = (
    "data/connectors/",
    "data/parsers/",
    "data/transforms/",
    "data/filters/",
    "data/dedup/",
    "safety/detectors/",
    "train/objectives/",
    "train/rewards/",
    "infer/engines/",
    "infer/exporters/",
    "infer/readers/",
    "evaluate/scorers/",
    "evaluate/tasks/",
    "flow/executors/",
)
# A library that several files need enters by one of them (docs/decisions/0004-shared-libraries.md).
DOORS = {
    "cryptography": "safety/sealed_map.py",
    "jsonschema": "serve/answers/checking.py",
    "llguidance": "infer/forcing.py",
    "obstore": "data/object_store.py",
    "prometheus_client": "serve/instruments.py",
    "pydantic_core": "serve/speaking.py",
    "re2": "safety/patterns.py",
    "referencing": "serve/answers/checking.py",
    "xberg": "data/extraction.py",
    "zeus": "core/gpu_energy.py",
}
FORBIDDEN_CALLS = {"eval", "exec", "__import__", "torch.load", "torch.save", "os.system", "os.popen", "yaml.load"}
# Code that a model wrote is tried by running it, in a confined child: there, and nowhere else, it is run.
RUNS_ANSWERS, RUNS = "evaluate/running.py", "exec"


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and full name of every import, lazy and type-only ones too; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def modules(package: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def misplaced_imports(package: Path) -> list[str]:
    return [
        f"{place}:{line} imports {name}"
        for place, tree in modules(package)
        for line, name in imported(tree)
        for module, allowed in PLACES.items()
        if f"{name}.".startswith(f"{module}.") and not place.startswith(tuple(allowed))
    ]


def foreign_imports_outside_plugins(package: Path) -> list[str]:
    return [
        f"{place}:{line} imports {name}"
        for place, tree in modules(package)
        for line, name in imported(tree)
        if not _is_known(top := name.partition(".")[0])
        and place != DOORS.get(top)
        and (top in DOORS or not place.startswith(PLUGIN_FOLDERS))
    ]


def _is_known(top: str) -> bool:
    return top in FOUNDATION or top in sys.stdlib_module_names


def environment_readers(package: Path) -> list[str]:
    """Return every use of os.environ or os.getenv outside the composition root.

    Handing the environment on to a child, whole (`{**os.environ, ...}`) or sifted (`for ... in os.environ.items()`),
    reads no setting and is allowed.
    """
    return sorted(
        f"{place}:{node.lineno} reads the environment"
        for place, tree in modules(package)
        for node in ast.walk(tree)
        if not place.startswith("cli/") and _reads_environment(node) and node not in _handed_on(tree)
    )


def _reads_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and bool(_names(node) & {"environ", "getenv"})
    return isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb", "os.getenv")


def _handed_on(tree: ast.Module) -> set[ast.expr]:
    nodes = list(ast.walk(tree))
    pairs = (pair for node in nodes if isinstance(node, ast.Dict) for pair in zip(node.keys, node.values, strict=True))
    sifted = (node.generators[0].iter for node in nodes if isinstance(node, ast.DictComp))
    calls = (call for call in sifted if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute))
    return {value for key, value in pairs if key is None} | {call.func.value for call in calls}


def _names(node: ast.ImportFrom) -> set[str]:
    return {alias.name for alias in node.names}


def forbidden_calls(package: Path) -> list[str]:
    return [
        f"{place}:{node.lineno} calls {ast.unparse(node.func)}"
        for place, tree in modules(package)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in FORBIDDEN_CALLS
        and (place, ast.unparse(node.func)) != (RUNS_ANSWERS, RUNS)
    ]


def products_that_import_ingot(root: Path) -> list[str]:
    """The client, the web app and the integrations speak HTTP only."""
    return [
        f"{folder}/{place}:{line} imports {name}"
        for folder in ("sdk", "integrations")
        for place, tree in modules(root / folder)
        for line, name in imported(tree)
        if name.partition(".")[0] == "ingot"
    ]


def test_imports_are_in_their_place(repository: Path) -> None:
    assert misplaced_imports(repository / "src/ingot") == []


def test_only_plugins_need_a_foreign_library(repository: Path) -> None:
    assert foreign_imports_outside_plugins(repository / "src/ingot") == []


def test_only_the_composition_root_reads_the_environment(repository: Path) -> None:
    assert environment_readers(repository / "src/ingot") == []


def test_nobody_runs_text_or_pickles(repository: Path) -> None:
    assert forbidden_calls(repository / "src/ingot") == []


def test_outer_products_speak_http_only(repository: Path) -> None:
    assert products_that_import_ingot(repository) == []


def test_misplaced_imports_are_found(tree: Tree) -> None:
    root = tree(
        {
            "flow/runner.py": "import importlib\n",
            "flow/step.py": "def f():\n    from importlib import import_module\n",
            "serve/app.py": "import fastapi, sqlite3\n",
            "cli/main.py": "import click\nimport urllib.parse\n",
            "data/sources.py": "import urllib.request\nfrom pickle import loads\n",
            "model/layers.py": "from torch import distributed\n",
        }
    )
    assert misplaced_imports(root) == [
        "data/sources.py:1 imports urllib.request",
        "data/sources.py:2 imports pickle.loads",
        "flow/step.py:2 imports importlib.import_module",
        "model/layers.py:1 imports torch.distributed",
        "serve/app.py:1 imports sqlite3",
    ]


def test_a_foreign_library_outside_a_plugin_is_found(tree: Tree) -> None:
    root = tree(
        {
            "data/extraction.py": "import xberg\n",
            "data/parsers/office.py": "import xberg\n",
            "data/run.py": "import json, numpy\nimport gguf\n",
            "infer/exporters/gguf.py": "import gguf\n",
        }
    )
    assert foreign_imports_outside_plugins(root) == [
        "data/parsers/office.py:1 imports xberg",
        "data/run.py:2 imports gguf",
    ]


def test_environment_readers_are_found(tree: Tree) -> None:
    root = tree(
        {
            "cli/wire.py": "import os\nos.environ['A']\n",
            "core/storage.py": "import os\nos.environ.get('A')\nos.getenv('A')\n",
            "flow/home.py": "from os import environ\n",
            "flow/executors/local.py": "import os\nchild = {**os.environ, 'A': '1'}\n",
            "core/sandbox.py": "import os\nchild = {name: v for name, v in os.environ.items() if name in KEPT}\n",
        }
    )
    assert [line.split()[0] for line in environment_readers(root)] == [
        "core/storage.py:2",
        "core/storage.py:3",
        "flow/home.py:1",
    ]


def test_forbidden_calls_are_found(tree: Tree) -> None:
    root = tree(
        {
            "evaluate/run.py": "exec(text)\n",
            "evaluate/running.py": "exec(text)\neval(text)\n",
            "model/convert.py": "torch.load(p)\nmodel.eval()\neval(text)\n",
        }
    )
    assert forbidden_calls(root) == [
        "evaluate/run.py:1 calls exec",
        "evaluate/running.py:2 calls eval",
        "model/convert.py:1 calls torch.load",
        "model/convert.py:3 calls eval",
    ]


def test_a_client_that_imports_ingot_is_found(tree: Tree) -> None:
    root = tree({"sdk/python/ingot_client/api.py": "import ingot_client.types\nfrom ingot.core import errors\n"})
    assert products_that_import_ingot(root) == ["sdk/python/ingot_client/api.py:2 imports ingot.core.errors"]
