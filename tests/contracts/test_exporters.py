"""Every exporter, unlisted, can be certified: it names its types, and the reader that asks the program it is for."""

from __future__ import annotations

import dataclasses
import inspect
import tomllib
from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.core.plugins import load, names
from ingot.infer.certificate import LIMITS
from ingot.infer.exporting import exporter

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.mark.parametrize("name", names("exporter"))
def test_an_exporter_says_what_it_writes_and_who_reads_it(name: str) -> None:
    plugin = load("exporter", name)
    types = plugin.other("TYPES")
    assert set(types) <= set(LIMITS)
    assert plugin.config_type().type in types
    assert {"type", "name"} <= {field.name for field in dataclasses.fields(plugin.config_type)}
    assert len(inspect.signature(plugin.entry).parameters) == 3
    assert plugin.other("READER") in names("reader")
    with pytest.raises(UsageError, match="no type 'q3'"):
        exporter(name, "q3")


@pytest.mark.parametrize("name", names("reader"))
def test_a_reader_names_its_package_and_the_extra_that_brings_it(name: str) -> None:
    plugin = load("reader", name)
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    wanted = project["optional-dependencies"][plugin.other("EXTRA")]
    assert any(line.startswith(plugin.other("PACKAGE")) for line in wanted)
    assert plugin.config_type(threads=1).threads == 1
    methods = {"log_probabilities", "greedy", "tokenize", "close"}
    assert methods <= set(vars(plugin.entry))
