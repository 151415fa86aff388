from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.flow.home import Home
from ingot.flow.step import Partial
from ingot.recipes.fine_tune import Choices, fine_tune, start_of
from ingot.train.config import AdapterConfig, PretrainConfig
from tests.registry.made import add


def test_training_goes_on_from_the_checkpoint_behind_a_model(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    checkpoint = add(home, "acme-checkpoint", "Checkpoint", facts={"model": {"width": 4}})
    model = add(home, "acme", facts={"kind": "chat"}, checkpoint=checkpoint.reference)
    assert start_of(model, home) == checkpoint
    assert start_of(checkpoint, home) == checkpoint
    with pytest.raises(InputError, match="cannot be trained on"):
        start_of(add(home, "other", checkpoint="gone@1"), home)


def test_the_graph_takes_the_start_as_it_is(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    base = add(home, "acme", facts={"kind": "base", "model": {"width": 4}})
    for validation, sources in ((None, {"conversations"}), (tmp_path / "v", {"conversations", "held_out"})):
        steps, given = fine_tune("acme-2", base, home, tmp_path / "c", validation, Choices(seed=3))
        assert given == {"start": base}
        shards, plan, checkpoint, audit, model = steps
        assert set(audit.inputs) == {"checkpoint", "shards", "start"}
        assert model.inputs["audit"] is audit
        assert set(shards.sources) == sources
        assert isinstance(checkpoint.config, Partial)
        named = set(checkpoint.config.literals) | set(checkpoint.fields)
        assert named <= {field.name for field in dataclasses.fields(PretrainConfig)}
        assert bool(checkpoint.config.literals["hooks"]) == (validation is not None)
        assert (checkpoint.inputs["start"].artifact, checkpoint.is_resumable) == ("acme", True)
        assert plan.inputs == {}
        assert (model.artifact, model.config.kind) == ("acme-2", "chat")


def test_an_adapter_is_packaged_over_the_model_it_was_trained_beside(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    checkpoint = add(home, "acme-checkpoint", "Checkpoint", facts={"model": {"width": 4}})
    base = add(home, "acme", facts={"kind": "chat"}, checkpoint=checkpoint.reference)
    choices = Choices(adapters=AdapterConfig(rank=2))
    steps, given = fine_tune("sales", base, home, tmp_path / "c", None, choices)
    assert given == {"start": checkpoint, "base": base}
    assert (steps[-1].kind, set(steps[-1].inputs)) == ("Adapter", {"adapters", "base"})
    assert steps[1].config.literals["rate_factor"] == 10.0
    assert steps[2].config.literals["adapters"]["rank"] == 2
    with pytest.raises(InputError, match="is a Checkpoint, and adapters are served over a model"):
        fine_tune("sales", checkpoint, home, tmp_path / "c", None, choices)
