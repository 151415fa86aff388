from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ingot.core.errors import UsageError
from ingot.flow.home import Home
from ingot.flow.recipe_file import read_recipe, read_sources, steps_from_literals, write_recipe
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
        ("steps: [", "not valid YAML", "correct that place"),
        ("steps: \x01", "not valid YAML", "correct that place"),
        ("{a: " * 5000, "cannot be read", "fewer levels"),
        ("stages: {}", "has no steps", "steps:"),
        ("steps: {}", "has no steps", "steps:"),
        ("steps: {a: 5}", "holds no keys", "run, kind, artifact"),
        ("steps: {a: {run: 'x:y', inputs: 5}}", "'inputs' holds no names", "inputs: {name: value}"),
        ("steps: {a: {run: 'x:y', kind: K}}", "'artifact' is missing", "artifact"),
        ("steps: {a: {runn: 'x:y', kind: K, artifact: a}}", "unknown key 'runn'", "'run'"),
        (f"steps: {{a: {{run: '{HERE}:count', kind: K, artifact: a, inputs: {{x: b}}}}}}", "no step can give 'b'", ""),
        (
            f"steps: {{a: {{run: '{HERE}:count', kind: K, artifact: a, inputs: {{x: b}}}}, b: {{run: '{HERE}:count', "
            "kind: K, artifact: b, inputs: {x: a}}}",
            "the steps a, b need one another",
            "remove the cycle",
        ),
        ("steps: {a: {run: 5, kind: K, artifact: a}}", "run: input should be a valid string", "artifact"),
        ("steps: {a: {run: 'x:y', kind: K, artifact: 2020-01-01}}", "artifact: input should be a valid string", ""),
        ("steps: {a: {run: 'x:y', kind: K, artifact: a, version: two}}", "version: input should be", ""),
        ("steps: {a: {run: 'x:y', kind: K, artifact: a, inputs: {x: [b]}}}", "inputs.x: input should be", ""),
        ("steps: {a: {run: 'x:y', kind: K, artifact: a, fields: {x: 5}}}", "fields.x: input should be", ""),
        ("steps: {a: {run: 'x:y', kind: K, artifact: a, reads_early: 5}}", "reads_early: input should be", ""),
        ("steps: {7: {run: 'x:y', kind: K, artifact: a, inputs: {x: b}}}", "no step can give 'b'", ""),
        (
            f"steps: {{a: {{run: '{HERE}:count', kind: K, artifact: c}}, "
            f"b: {{run: '{HERE}:count', kind: K, artifact: c}}}}",
            "two steps make the artifact 'c'",
            "name of its own",
        ),
        (f"steps: {{a: {{run: '{HERE}:count', kind: K, artifact: a, config: {{up: 3}}}}}}", "unknown option 'up'", ""),
        ("steps: {a: {run: 'os:system', kind: K, artifact: a}}", "'os:system' names no step", ""),
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


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("{connector: 5}", "connector: input should be a valid string"),
        ("{connector: [folder]}", "connector: input should be a valid string"),
        ("{connector: folder, config: }", "config: input should be a valid dictionary"),
        ("{connector: folder, config: [x]}", "config: input should be a valid dictionary"),
        ("{connector: folder, confg: {paths: [x]}}", "unknown option 'confg'"),
        ("{connector: folder, config: {paths: /}}", "paths: input should be a valid tuple"),
        ("{connector: folder, config: {paths: }}", "paths: input should be a valid tuple"),
        ("{connector: folder, config: {paths: [5]}}", "paths.0: input should be a valid string"),
    ],
)
def test_a_wrong_source_names_its_field(tmp_path: Path, source: str, what: str) -> None:
    """Above all, the letters of one path are not taken for a list of paths: the root folder may be among them."""
    path = tmp_path / "sources.yaml"
    path.write_text(f"legal: {source}")
    with pytest.raises(UsageError) as caught:
        read_sources(path)
    assert what in caught.value.what
    assert caught.value.where == f"{path}: source 'legal'"


def test_a_fault_of_the_yaml_is_placed(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("steps:\n  a: b: c\n")
    with pytest.raises(UsageError) as caught:
        read_recipe(path)
    assert caught.value.where == f"{path}, line 2, column 7"
    assert "\n" not in caught.value.why


@pytest.mark.parametrize(("name", "fix"), [("none.yaml", "check the path"), ("", "check the path"), ("odd", "UTF-8")])
def test_a_recipe_that_cannot_be_read_is_named_with_what_to_do(tmp_path: Path, name: str, fix: str) -> None:
    (tmp_path / "odd").write_bytes(b"steps: \xff")
    with pytest.raises(UsageError, match="cannot be read") as caught:
        read_recipe(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)
    assert fix in caught.value.fix
