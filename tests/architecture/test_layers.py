"""Imports only point down: import-linter's contracts hold, forbid what the house forbids, and would notice a breach."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Tree = Callable[[dict[str, str]], Path]

LAYERS = [
    ["cli"],
    ["control", "serve"],
    ["recipes"],
    ["evaluate", "train"],
    ["retrieve", "synthesize"],
    ["infer"],
    ["plan", "data"],
    ["model", "tokenizer", "safety"],
    ["registry"],
    ["flow"],
    ["core"],
]
TORCH_FREE_ROOMS = {"control", "core", "data", "flow", "plan", "recipes", "registry", "safety", "tokenizer"}
TORCH_FREE_MODULES = {"model.config", "train.config", "evaluate.config", "infer.config"}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of `folder/pyproject.toml` against the package below `folder/src`."""
    script = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def contracts(repository: Path) -> dict[str, dict[str, Any]]:
    settings = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}


def small_house(tree: Tree, repository: Path, files: dict[str, str]) -> Path:
    """Build a package with every room of the contracts, empty but for `files`, under the real contracts."""
    layers = " ".join(contracts(repository)["layers"]["layers"])
    rooms = [room for layer in LAYERS for room in layer if f"({room})" not in layers]
    empty = {f"src/ingot/{room}/__init__.py": "" for room in rooms}
    configs = {f"src/ingot/{name.replace('.', '/')}.py": "" for name in TORCH_FREE_MODULES}
    settings = (repository / "pyproject.toml").read_text(encoding="utf-8")
    return tree({"pyproject.toml": settings, "src/ingot/__init__.py": "", **empty, **configs, **files})


def test_the_contracts_hold(repository: Path) -> None:
    result = lint_imports(repository)
    assert result.returncode == 0, result.stdout + result.stderr


def test_an_empty_house_passes(tree: Tree, repository: Path) -> None:
    result = lint_imports(small_house(tree, repository, {}))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"src/ingot/core/errors.py": "from ingot.flow import step", "src/ingot/flow/step.py": ""}, "core"),
        ({"src/ingot/core/errors.py": "def f():\n    import ingot.flow", "src/ingot/flow/step.py": ""}, "core"),
        ({"src/ingot/model/layers.py": "import ingot.tokenizer"}, "tokenizer"),
        ({"src/ingot/train/run.py": "import ingot.evaluate"}, "evaluate"),
        ({"src/ingot/attic/__init__.py": "", "src/ingot/attic/old.py": ""}, "attic"),
        ({"src/ingot/data/shards.py": "import torch"}, "torch"),
        (
            {"src/ingot/plan/run.py": "import ingot.model.decoder", "src/ingot/model/decoder.py": "import torch"},
            "torch",
        ),
    ],
    ids=[
        "upwards",
        "lazily upwards",
        "sibling",
        "train knows evaluate",
        "room without a layer",
        "torch",
        "torch below",
    ],
)
def test_a_breach_is_noticed(tree: Tree, repository: Path, files: dict[str, str], said: str) -> None:
    result = lint_imports(small_house(tree, repository, files))
    assert result.returncode != 0
    assert said in result.stdout + result.stderr


def test_the_layers_are_those_of_the_house(repository: Path) -> None:
    contract = contracts(repository)["layers"]
    written = [[room.strip(" ()") for room in layer.split("|")] for layer in contract["layers"]]
    assert written == LAYERS
    assert contract["exhaustive"] is True
    assert "ignore_imports" not in contract


def test_only_a_room_without_a_folder_is_optional(repository: Path, rooms: list[str]) -> None:
    layers = " ".join(contracts(repository)["layers"]["layers"])
    for room in (room for layer in LAYERS for room in layer):
        assert (f"({room})" in layers) == (room not in rooms), f"brackets of {room} in pyproject.toml"


def test_every_room_of_the_law_is_kept_free_of_torch(repository: Path, rooms: list[str]) -> None:
    sources = set(contracts(repository)["torch-free"]["source_modules"])
    expected = {f"ingot.{room}" for room in TORCH_FREE_ROOMS if room in rooms}
    assert sources == expected | {f"ingot.{module}" for module in TORCH_FREE_MODULES}
