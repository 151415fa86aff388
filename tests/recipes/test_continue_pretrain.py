from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.data.config import TokenizeConfig
from ingot.flow.recipe_file import as_literals, steps_from_literals
from ingot.flow.step import Partial, in_order
from ingot.recipes.continue_pretrain import Choices, continue_pretrain, import_model
from ingot.train.config import PretrainConfig


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "general"
    (folder / "original").mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / name).write_text("{}")
    return folder


def test_only_the_files_of_the_folder_itself_are_taken_in(model: Path) -> None:
    source = import_model("general", model).sources["model"].config
    # A source's config is of any plug-in; this one is a folder's.
    assert [Path(path).name for path in source.paths] == ["config.json", "model.safetensors", "tokenizer.json"]  # type: ignore[attr-defined]


def test_every_step_comes_after_what_it_needs(model: Path) -> None:
    steps = continue_pretrain("acme", model, ["docs"], Choices(10), ["old"])
    assert {step.name for step in in_order([steps[-1]])} == {step.name for step in steps}
    last = next(step for step in steps if step.name == "checkpoint")
    assert {name: parent.name for name, parent in last.inputs.items()} == {
        "shards": "shards",
        "old": "old-shards",
        "tokenizer": "tokenizer",
        "start": "start",
    }
    assert {parent.kind for name, parent in last.inputs.items() if name in ("shards", "old")} == {"Shards"}
    assert isinstance(last.config, Partial)
    assert last.config.literals["mixture"]["replay"] == {"old": 0.1}
    assert set(last.config.literals) | set(last.fields) <= {field.name for field in dataclasses.fields(PretrainConfig)}


def test_without_old_text_nothing_is_replayed(model: Path) -> None:
    steps = {step.name: step for step in continue_pretrain("acme", model, ["docs"], Choices(10))}
    last, plan = steps["checkpoint"], steps["plan"]
    assert isinstance(plan.config, Partial)
    assert plan.config.literals["replay"] == 0.0
    assert "old-dataset" not in steps["report"].inputs
    assert isinstance(last.config, Partial)
    assert last.config.literals["mixture"]["replay"] == {}
    with pytest.raises(UsageError, match="mixture"):
        continue_pretrain("acme", model, ["docs"], Choices(10, replay=1.5), ["old"])


def test_canaries_are_put_into_the_new_text_alone(model: Path) -> None:
    steps = {step.name: step for step in continue_pretrain("acme", model, ["docs"], Choices(10), ["old"])}
    for name, has_canaries in (("shards", True), ("old-shards", False)):
        config = steps[name].config
        assert isinstance(config, TokenizeConfig)
        assert (config.canaries is not None) == has_canaries
    assert {name: parent.name for name, parent in steps["audit"].inputs.items()} == {
        "checkpoint": "checkpoint",
        "start": "start",
        "shards": "shards",
        "old": "old-shards",
    }
    assert "audit" in steps["report"].inputs


def test_the_graph_survives_as_data(model: Path, tmp_path: Path) -> None:
    graph = as_literals(continue_pretrain("acme", model, [str(tmp_path)], Choices(10), [str(tmp_path)]))
    assert as_literals(steps_from_literals(graph["steps"], "here", tmp_path)) == graph
