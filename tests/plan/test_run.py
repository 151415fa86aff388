from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ingot.flow.artifact import Artifact, Record
from ingot.flow.step import StepContext
from ingot.model.config import ModelConfig
from ingot.plan.config import MeasuredVocabulary, PlanConfig
from ingot.plan.run import plan
from ingot.plan.scaling import preset

CONFIG = PlanConfig(train_bytes=11_000_000, held_out_bytes=500_000, seconds=300)


def probe(folder: Path) -> Artifact:
    sizes = [
        {"preset": name, "model": asdict(preset(name).model(4096, 512)), "tokens_per_second": rate}
        for name, rate in (("128x4", 14_000.0), ("256x6", 5_200.0))
    ]
    empty: Any = {}
    return Artifact(
        folder,
        Record(
            name="machine-probe",
            version=1,
            kind="Probe",
            fingerprint="f" * 64,
            step="probe",
            run="ingot.train.probe:measure",
            step_version=1,
            config=empty,
            inputs=empty,
            input_fingerprints=empty,
            decided_by=empty,
            sources=empty,
            facts={"sizes": sizes, "cores": 2, "processor": "some processor"},
            files=empty,
            made_by=empty,
            code=empty,
            started="",
            finished="",
            seconds=20.0,
            joules=100.0,
            energy_method="estimated",
        ),
    )


def context(folder: Path, told: list[dict[str, Any]], cores: int = 2) -> StepContext:
    def emit(kind: str, /, **fields: Any) -> None:
        told.append({"kind": kind, **fields})

    return StepContext(folder, folder, cores, emit)


def test_the_plan_is_written_told_and_returned(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    facts = plan(CONFIG, {"probe": probe(tmp_path)}, context(tmp_path, told))
    assert json.loads((tmp_path / "plan.json").read_text()) == facts
    assert [event["text"] for event in told if event["kind"] == "note"] == facts["sentences"]


def test_later_steps_find_what_they_need(tmp_path: Path) -> None:
    facts = plan(CONFIG, {"probe": probe(tmp_path)}, context(tmp_path, []))
    model = ModelConfig(**facts["model"])
    assert model.vocabulary == facts["vocabulary"]
    assert model.parameters == facts["parameters"]
    assert facts["tokens"] == facts["steps"] * facts["batch_size"] * facts["sequence_length"]
    # The stream needs one token more than it serves.
    assert facts["shard_tokens"] > facts["tokens"]
    assert facts["expected_seconds"] == pytest.approx(sum(facts["stage_seconds"].values()), abs=1)
    assert facts["expected_seconds"] <= CONFIG.seconds
    for name in ("learning_rate", "warmup_steps", "checkpoint_every", "evaluate_every", "memory_bytes", "disk_bytes"):
        assert facts[name] > 0


def test_the_plan_depends_on_the_probe_and_not_on_the_machine_that_plans(tmp_path: Path) -> None:
    here = plan(CONFIG, {"probe": probe(tmp_path)}, context(tmp_path, [], cores=2))
    elsewhere = plan(CONFIG, {"probe": probe(tmp_path)}, context(tmp_path, [], cores=64))
    assert here == elsewhere


def test_what_a_tokenizer_measured_is_planned_with(tmp_path: Path) -> None:
    usual = plan(CONFIG, {"probe": probe(tmp_path)}, context(tmp_path, []))
    sizes = tuple(MeasuredVocabulary(size, 0.5 * usual["train_bytes_per_token"]) for size in (1024, 65_536))
    told: list[dict[str, Any]] = []
    config = replace(CONFIG, vocabulary=usual["vocabulary"], bytes_per_token_by_vocabulary=sizes)
    facts = plan(config, {"probe": probe(tmp_path)}, context(tmp_path, told))
    assert (usual["bytes_per_token"], facts["bytes_per_token"]) == ("estimated", "measured")
    assert facts["train_bytes_per_token"] < usual["train_bytes_per_token"]
    assert facts["forecast_bits_per_byte"] > usual["forecast_bits_per_byte"]  # as many tokens are half the text
    model = ModelConfig(**facts["model"])
    assert facts["layer_parameters"] + model.vocabulary * model.width == model.matmul_parameters
