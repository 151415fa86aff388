from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ingot.core import plugins
from ingot.core.errors import UsageError


def test_lists_a_kind_from_its_folder() -> None:
    assert "local" in plugins.names("executor")
    assert set(plugins.kinds()) == set(plugins.KINDS)


def test_loads_config_and_entry() -> None:
    plugin = plugins.load("executor", "local")
    assert plugin.entry(plugin.config_type()).config == plugin.config_type()
    assert plugin.summary.startswith("Run each step in a child process")


@pytest.mark.parametrize(
    ("kind", "name", "message", "fix"),
    [
        ("executor", "locl", "no executor named 'locl'", "'local'"),
        ("exekutor", "local", "no kind of plug-in named 'exekutor'", "'executor'"),
    ],
)
def test_unknown_names_get_the_nearest(kind: str, name: str, message: str, fix: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        plugins.load(kind, name)
    assert fix in caught.value.fix


def test_another_package_adds_a_plugin_as_soon_as_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "elsewhere" not in plugins.names("executor")
    described = tmp_path / "elsewhere-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[ingot.executor]\nelsewhere = ingot.flow.executors.local\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert plugins.load("executor", "elsewhere").summary.startswith("Run each step in a child process")
    monkeypatch.undo()
    assert "elsewhere" not in plugins.names("executor")


def test_what_is_installed_is_read_once() -> None:
    code = """
import sys
read = []
sys.addaudithook(lambda event, given: read.append(given[0]) if event == "open" else None)
from ingot.core.plugins import load, names
for name in names("filter"):
    load("filter", name)
declared = [path for path in read if str(path).endswith("entry_points.txt")]
print(len(declared), len(set(declared)))
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert told[0] == told[1] != "0"


def test_resolves_a_run_reference() -> None:
    assert plugins.resolve("ingot.core.errors:suggest")("a", ["a"]) == "did you mean 'a'?"


@pytest.mark.parametrize(
    "reference", ["ingot.nowhere:run", "ingot.core.errors:nothing", "ingot.core.errors", "json:__doc__"]
)
def test_a_reference_to_nothing_is_refused(reference: str) -> None:
    with pytest.raises(UsageError, match="run reference"):
        plugins.resolve(reference)
