"""What is loaded when: `ingot --help` loads nothing heavy, and describing work never loads torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Tree = Callable[[dict[str, str]], Path]

HEAVY = {"torch", "fastapi", "starlette", "uvicorn", "sqlalchemy", "ray", "polars", "pyarrow", "numpy", "transformers"}
TORCH_FREE_ROOMS = {"control", "core", "data", "flow", "plan", "recipes", "registry", "safety", "tokenizer"}
TORCH_FREE_MODULES = ["ingot.model.config", "ingot.train.config", "ingot.evaluate.config", "ingot.infer.config"]

HELP = """
import contextlib, io, json, sys
from ingot.cli.main import main
sys.argv = ["ingot", "--help"]
with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
    main()
assert "build" in shown.getvalue(), shown.getvalue()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
IMPORT = """
import json, sys
import ingot
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
# Each module is imported in turn; the first one after which torch is there is the one that brought it.
WALK = """
import importlib, json, pkgutil, sys
guilty, names = [], []
for name in json.loads(sys.argv[1]):
    package = importlib.import_module(name)
    names.append(name)
    for below in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        names.append(below.name)
for name in names:
    importlib.import_module(name)
    if "torch" in sys.modules:
        guilty.append(name)
        break
print(json.dumps(guilty))
"""


def python(script: str, *arguments: str, path: Path | None = None) -> list[str]:
    """Run a script in a fresh interpreter and return the JSON list it prints."""
    environment = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    command = [sys.executable, "-c", script, *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    names: list[str] = json.loads(result.stdout)
    return names


@pytest.mark.parametrize("script", [HELP, IMPORT], ids=["ingot --help", "import ingot"])
def test_nothing_heavy_is_loaded(script: str) -> None:
    assert HEAVY & set(python(script)) == set()


def test_describing_work_never_loads_torch(rooms: list[str]) -> None:
    names = [f"ingot.{room}" for room in rooms if room in TORCH_FREE_ROOMS] + TORCH_FREE_MODULES
    assert python(WALK, json.dumps(names)) == []


def test_a_heavy_import_is_found(tree: Tree) -> None:
    root = tree({"ingot/__init__.py": "import torch\n", "torch.py": ""})
    assert HEAVY & set(python(IMPORT, path=root)) == {"torch"}


def test_the_module_that_brings_torch_is_named(tree: Tree) -> None:
    root = tree(
        {
            "torch.py": "",
            "ingot/__init__.py": "",
            "ingot/plan/__init__.py": "",
            "ingot/plan/budget.py": "",
            "ingot/plan/memory.py": "import innocent\n",
            "innocent.py": "import torch\n",
        }
    )
    assert python(WALK, json.dumps(["ingot.plan"]), path=root) == ["ingot.plan.memory"]
