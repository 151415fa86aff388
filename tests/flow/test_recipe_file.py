from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ingot.core.errors import UsageError
from ingot.flow.home import Home
from ingot.flow.recipe_file import read_recipe, steps_from_literals, write_recipe
from ingot.flow.runner import run
from tests.flow.test_runner import graph

HERE = "tests.flow.steps_for_tests"


def test_the_graph_as_data_is_the_same_graph(tmp_path: Path) -> None:
    """Run it from Python, then from its own YAML: nothing is made again."""
    home = Home(tmp_path / "home")
    path = tmp_path / "recipe.yaml"
    path.write_text(write_recipe([graph()[1]]))
    run([graph()[1]], home)
    assert set(run(read_recipe(path), home).reused) == {"numbers", "total"}


def test_steps_may_stand_in_any_order() -> None:
    entries = yaml.safe_load(write_recipe([graph()[1]]))["steps"]
    backwards = dict(reversed(entries.items()))
    assert [step.name for step in steps_from_literals(backwards, "here")] == ["numbers", "total"]


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("steps: [", "not valid YAML", ""),
        ("stages: {}", "has no steps", "steps:"),
        ("steps: {a: {run: 'x:y', kind: K}}", "'artifact' is missing", "artifact"),
        ("steps: {a: {runn: 'x:y', kind: K, artifact: a}}", "unknown key 'runn'", "'run'"),
        (f"steps: {{a: {{run: '{HERE}:count', kind: K, artifact: a, inputs: {{x: b}}}}}}", "no step can give 'b'", ""),
        (f"steps: {{a: {{run: '{HERE}:nothing', kind: K, artifact: a}}}}", "names no function", "package.module"),
    ],
)
def test_a_wrong_recipe_names_the_place(tmp_path: Path, text: str, what: str, fix: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_recipe(path)
    assert what in caught.value.what
    assert fix in caught.value.fix


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read") as caught:
        read_recipe(tmp_path / "none.yaml")
    assert "none.yaml" in caught.value.where
