from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.config import literals
from ingot.data.canaries import Config as CanaryConfig
from ingot.data.config import TokenizeConfig
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


def test_every_artifact_is_of_the_kind_its_step_is_named_for() -> None:
    kinds = {step.name: step.kind for step in quickstart("acme", ["docs"], CHOICES)}
    in_order = "Documents Dataset Vocabulary Probe Plan Tokenizer Shards Checkpoint Audit Report Model"
    assert " ".join(kinds.values()) == in_order
    assert all(kind.lower() == name for name, kind in kinds.items())


def test_who_reads_what_and_whose_facts_are_taken() -> None:
    steps = quickstart("acme", ["docs"], CHOICES)
    assert {step.name: " ".join(parent.name for parent in step.inputs.values()) for step in steps} == {
        "documents": "",
        "dataset": "documents",
        "vocabulary": "dataset",
        "probe": "",
        "plan": "probe",
        "tokenizer": "dataset vocabulary",
        "shards": "dataset tokenizer",
        "checkpoint": "shards tokenizer",
        "audit": "checkpoint shards",
        "report": "documents dataset vocabulary plan tokenizer shards checkpoint audit",
        "model": "checkpoint tokenizer report",
    }
    taken = {step.name: {fact.step.name for fact in step.fields.values()} for step in steps if step.fields}
    by_plan = {name: {"plan"} for name in ("tokenizer", "shards", "checkpoint")}
    assert taken == {"plan": {"dataset", "vocabulary"}, **by_plan}


def test_choices_reach_the_plan_and_the_source() -> None:
    steps = {step.name: step for step in quickstart("acme", ["docs"], CHOICES)}
    assert isinstance(steps["plan"].config, PlanConfig)
    assert (steps["plan"].config.seconds, steps["plan"].config.vocabulary) == (60.0, 512)
    source = steps["documents"].sources["documents"].config
    assert "drafts" in source.exclude
    assert ".git" in source.exclude


def test_what_the_trainer_takes_exists_on_its_side() -> None:
    assert set(PLANNED_SETTINGS) <= {field.name for field in dataclasses.fields(PretrainConfig)}


def test_what_takes_long_resumes() -> None:
    resumable = [step.name for step in quickstart("acme", ["docs"], CHOICES) if step.is_resumable]
    assert resumable == ["documents", "dataset", "shards", "checkpoint"]


def test_canaries_are_put_in_unless_they_are_not_wanted() -> None:
    for choices, wanted in ((CHOICES, CanaryConfig()), (replace(CHOICES, canaries=False), None)):
        shards = {step.name: step for step in quickstart("acme", ["docs"], choices)}["shards"]
        assert isinstance(shards.config, TokenizeConfig)
        assert shards.config.canaries == wanted
        assert ("canaries" in literals(shards.config)) == (wanted is not None)


@pytest.mark.parametrize("choices", [CHOICES, replace(CHOICES, seconds=0.0, tokens=10_000, layout="mistral")])
def test_the_graph_survives_as_data(tmp_path: Path, choices: Choices) -> None:
    graph = as_literals(quickstart("acme", [str(tmp_path)], choices))
    assert as_literals(steps_from_literals(graph["steps"], "here", tmp_path)) == graph


def test_a_forecast_comes_before_the_training_and_reaches_the_report() -> None:
    steps = {step.name: step for step in quickstart("acme", ["docs"], replace(CHOICES, forecast=True))}
    assert list(steps)[-8:] == [*("pilots", "pilot-1", "pilot-2", "forecast", "checkpoint", "audit", "report", "model")]
    assert steps["checkpoint"].inputs["forecast"] is steps["forecast"]
    assert {"pilot-1", "forecast"} <= steps["report"].inputs.keys()
    planned = steps["plan"].config
    assert isinstance(planned, PlanConfig)
    assert planned.seconds == pytest.approx(60.0 / 1.1)
