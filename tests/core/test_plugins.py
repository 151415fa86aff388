from __future__ import annotations

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


def test_resolves_a_run_reference() -> None:
    assert plugins.resolve("ingot.core.errors:suggest")("a", ["a"]) == "did you mean 'a'?"


@pytest.mark.parametrize(
    "reference", ["ingot.nowhere:run", "ingot.core.errors:nothing", "ingot.core.errors", "json:__doc__"]
)
def test_a_reference_to_nothing_is_refused(reference: str) -> None:
    with pytest.raises(UsageError, match="run reference"):
        plugins.resolve(reference)
