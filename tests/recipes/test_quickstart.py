from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.flow.recipe_file import as_literals, steps_from_literals
from ingot.flow.step import in_order
from ingot.plan.config import PlanConfig
from ingot.recipes.quickstart import PLANNED_SETTINGS, Choices, quickstart
from ingot.train.config import PretrainConfig

CHOICES = Choices(seconds=60.0, vocabulary=512, exclude=("drafts",))


def test_every_step_comes_after_what_it_needs() -> None:
    steps = quickstart("acme", ["docs"], CHOICES)
    assert in_order([steps[-1]]) == [step for step in steps if step in in_order([steps[-1]])]
    assert {step.name for step in in_order([steps[-1]])} == {step.name for step in steps}


def test_the_model_bears_the_name_and_the_probe_is_shared() -> None:
    artifacts = {step.name: step.artifact for step in quickstart("acme", ["docs"], CHOICES)}
    assert artifacts["model"] == "acme"
    assert artifacts["dataset"] == "acme-dataset"
    assert artifacts["probe"] == "machine-probe"


def test_choices_reach_the_plan_and_the_source() -> None:
    steps = {step.name: step for step in quickstart("acme", ["docs"], CHOICES)}
    assert isinstance(steps["plan"].config, PlanConfig)
    assert (steps["plan"].config.seconds, steps["plan"].config.vocabulary) == (60.0, 512)
    source = steps["documents"].sources["documents"].config
    assert "drafts" in source.exclude  # type: ignore[attr-defined]  # a folder config
    assert ".git" in source.exclude  # type: ignore[attr-defined]


def test_what_the_trainer_takes_exists_on_its_side() -> None:
    assert set(PLANNED_SETTINGS) <= {field.name for field in dataclasses.fields(PretrainConfig)}


def test_only_the_checkpoint_resumes() -> None:
    assert [step.name for step in quickstart("acme", ["docs"], CHOICES) if step.is_resumable] == ["checkpoint"]


@pytest.mark.parametrize("choices", [CHOICES, replace(CHOICES, seconds=0.0, tokens=10_000, layout="mistral")])
def test_the_graph_survives_as_data(tmp_path: Path, choices: Choices) -> None:
    graph = as_literals(quickstart("acme", [str(tmp_path)], choices))
    assert as_literals(steps_from_literals(graph["steps"], "here", tmp_path)) == graph
