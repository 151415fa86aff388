from __future__ import annotations

from pathlib import Path

from ingot.flow.home import Home
from ingot.flow.lineage import ancestors, ancestry, descendants
from ingot.flow.runner import run
from tests.flow.test_runner import graph


def test_walks_both_ways(tmp_path: Path) -> None:
    home = Home(tmp_path)
    outcome = run([graph()[1]], home)
    total, numbers = outcome.artifacts["total"], outcome.artifacts["numbers"]
    assert [node.artifact.reference for node in ancestry(home, total).inputs] == ["demo-numbers@1"]
    assert [artifact.reference for artifact in ancestors(home, total)] == ["demo-numbers@1", "demo-total@1"]
    assert [artifact.reference for artifact in descendants(numbers, home.all())] == ["demo-total@1"]
    assert descendants(total, home.all()) == []
