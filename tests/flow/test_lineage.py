from __future__ import annotations

from pathlib import Path

from ingot.flow.home import Home
from ingot.flow.lineage import ancestors, ancestry, descendants
from ingot.flow.runner import run
from tests.flow.test_runner import graph
from tests.registry.made import add


def test_walks_both_ways(tmp_path: Path) -> None:
    home = Home(tmp_path)
    outcome = run([graph()[1]], home)
    total, numbers = outcome.artifacts["total"], outcome.artifacts["numbers"]
    assert [node.artifact.reference for node in ancestry(home, total).inputs] == ["demo-numbers@1"]
    assert [artifact.reference for artifact in ancestors(home, total)] == ["demo-numbers@1", "demo-total@1"]
    assert [artifact.reference for artifact in descendants(numbers, home.all())] == ["demo-total@1"]
    assert descendants(total, home.all()) == []


def test_what_was_used_twice_is_one_node(tmp_path: Path) -> None:
    """Else the tree of a model whose ancestors share theirs would grow with the number of ways, not of artifacts."""
    home = Home(tmp_path)
    add(home, "first", "Dataset", {}, {})
    for name in ("left", "right"):
        add(home, name, "Dataset", {}, {}, first="first@1")
    joined = add(home, "joined", "Report", {}, {}, left="left@1", right="right@1")
    left, right = ancestry(home, joined).inputs
    assert left.inputs[0] is right.inputs[0]
