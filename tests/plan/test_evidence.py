from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingot.core.config import literals
from ingot.core.errors import UsageError
from ingot.flow.step import StepContext
from ingot.model.config import ModelConfig
from ingot.plan.evidence import CoursesConfig, EvidencePlanConfig, courses, plan
from tests.evaluate.small_build import artifact, silent

MODEL = ModelConfig(vocabulary=1024, width=64, layers=2, heads=1, kv_heads=1, head_width=64, ffn_width=192)
COUNTED = {"own": (4_000, 1_000), "borrowed": (4_000, 1_600), "general": (4_000, 1_000), "mixed": (4_000, 1_250)}


def probe(rate: float) -> dict[str, Any]:
    size = {"model": literals(MODEL), "tokens_per_second": 9 * rate, "tokens_per_processor_second": rate}
    return {"sizes": [{**size, "batch_size": 4, "sequence_length": 512}], "precision": "fp32", "device": "cpu"}


def config(**changed: Any) -> CoursesConfig:
    counted = {
        f"{arm}_{unit}": number
        for arm, pair in COUNTED.items()
        for unit, number in zip(("bytes", "tokens"), pair, strict=True)
    }
    told = {"model": MODEL, "batch_size": 4, "sequence_length": 128, "learning_rate": 4e-3, "seconds": 100.0}
    return CoursesConfig(**{**told, **counted, **changed})


def told(folder: Path, **changed: Any) -> dict[str, Any]:
    inputs = {"pace": artifact("acme-pace", folder, probe(2048.0))}
    return dict(courses(config(**changed), inputs, StepContext(folder, folder, 1, silent)))


def test_steps_come_from_the_measured_speed(tmp_path: Path) -> None:
    facts = told(tmp_path)
    assert facts["compute"]["steps"] == 400  # 100 s of 2048 tokens, 512 in a step
    assert facts["planned_seconds"] == 100.0
    assert facts["compute"]["learning_rate"] == 4e-3
    assert facts["continued_learning_rate"] == 2e-3
    assert facts["compute"]["evaluate_every"] * 5 <= 400


def test_at_equal_bytes_what_covers_less_takes_more_steps(tmp_path: Path) -> None:
    facts = told(tmp_path)
    assert facts["bytes"]["borrowed"]["steps"] == 640
    assert facts["bytes"]["continued"]["steps"] == 640
    assert facts["bytes"]["mixed"]["steps"] == 500
    for arm, course in facts["bytes"].items():
        seen = course["steps"] * facts["bytes_per_token"][arm]
        assert seen == pytest.approx(400 * facts["bytes_per_token"]["own"], rel=0.01)


def test_steps_that_are_given_are_taken(tmp_path: Path) -> None:
    assert told(tmp_path, steps=7)["compute"]["steps"] == 7
    facts = courses(config(steps=7), {}, StepContext(tmp_path, tmp_path, 1, silent))
    assert (facts["compute"]["steps"], facts["planned_seconds"]) == (7, None)
    with pytest.raises(UsageError, match="how many steps"):
        courses(config(), {}, StepContext(tmp_path, tmp_path, 1, silent))


def test_the_model_is_what_the_usual_planner_takes(tmp_path: Path) -> None:
    inputs = {"probe": artifact("acme-probe", tmp_path, probe(20_000.0))}
    context = StepContext(tmp_path, tmp_path, 1, silent)
    small = plan(EvidencePlanConfig(10_000_000, 500_000, 30.0), inputs, context)
    large = plan(EvidencePlanConfig(10_000_000, 500_000, 3000.0), inputs, context)
    assert small["parameters"] < large["parameters"]
    assert small["models"] == [small["model"]]
    chosen = plan(
        EvidencePlanConfig(10_000_000, 500_000, 0.0, vocabulary=1024, width=64, layers=2, steps=9), inputs, context
    )
    assert (chosen["vocabulary"], chosen["model"]["width"], chosen["model"]["layers"]) == (1024, 64, 2)
