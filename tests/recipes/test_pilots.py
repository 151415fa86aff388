from __future__ import annotations

from dataclasses import fields

from ingot.flow.recipe_file import as_literals, steps_from_literals
from ingot.flow.step import Partial, Step
from ingot.plan.config import PlanConfig
from ingot.plan.prediction import PredictionConfig
from ingot.recipes.pilots import with_forecast
from ingot.train.config import PretrainConfig, ProbeConfig

PLANNED = ("model", "steps", "batch_size", "sequence_length", "learning_rate", "warmup_steps", "checkpoint_every")


def graph() -> dict[str, Step]:
    probe = Step("probe", "machine-probe", "Probe", "ingot.train.probe:measure", ProbeConfig())
    plan = Step("plan", "acme-plan", "Plan", "ingot.plan.run:plan", PlanConfig(steps=9), {"probe": probe})
    config = Partial(PretrainConfig, {"seed": 7})
    shards = Step("shards", "acme-shards", "Shards", "ingot.train.probe:measure", ProbeConfig())
    given = {"fields": {fact: plan.field(fact) for fact in PLANNED}, "is_resumable": True}
    run = "ingot.train.run:pretrain"
    checkpoint = Step("checkpoint", "acme-checkpoint", "Checkpoint", run, config, {"shards": shards}, **given)
    return {step.name: step for step in (probe, plan, shards, *with_forecast("acme", plan, checkpoint))}


def test_pilots_are_the_training_only_shorter() -> None:
    steps = graph()
    training, pilot = steps["checkpoint"], steps["pilot-2"]
    assert (pilot.run, pilot.config, pilot.kind, pilot.is_resumable) == (
        *(training.run, training.config, training.kind, training.is_resumable),
    )
    assert pilot.inputs == {"shards": steps["shards"]}
    assert pilot.artifact == "acme-pilot-2"
    own = {name: origin.fact for name, origin in pilot.fields.items() if origin.step is steps["pilots"]}
    assert own == {name: f"pilot_2.{name}" for name in ("steps", "warmup_steps", "evaluate_every")}
    of_plan = {name for name, origin in pilot.fields.items() if origin.step is steps["plan"]}
    assert of_plan == set(PLANNED) - {"steps", "warmup_steps", "checkpoint_every"}


def test_the_forecast_reads_the_pilots_and_the_training_reads_the_forecast() -> None:
    steps = graph()
    assert set(steps["forecast"].inputs) == {"pilot-1", "pilot-2"}
    assert set(steps["forecast"].fields) <= {field.name for field in fields(PredictionConfig)}
    assert steps["checkpoint"].inputs["forecast"] is steps["forecast"]


def test_the_graph_survives_as_data() -> None:
    written = as_literals([graph()["checkpoint"]])
    assert as_literals(steps_from_literals(written["steps"], "here")) == written
