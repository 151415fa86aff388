from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from ingot.model.config import ModelConfig
from ingot.train.config import ProbeConfig
from ingot.train.probe import measure, random_batch
from tests.train.small import MODEL, Told, context


def test_every_size_is_measured_with_at_least_one_step(tmp_path: Path) -> None:
    models = (MODEL, dataclasses.replace(MODEL, layers=4))
    told = Told()
    config = ProbeConfig(models=models, seconds_per_size=0.05, batch_size=2, sequence_length=32)
    facts = measure(config, {}, context(tmp_path, told))
    assert json.loads((tmp_path / "probe.json").read_text()) == facts
    for model, size in zip(models, facts["sizes"], strict=True):
        assert ModelConfig(**size["model"]) == model
        assert size["parameters"] == model.parameters
        assert size["steps"] >= 1
        assert size["tokens_per_second"] > 0
    assert (facts["cores"], facts["device"]) == (1, "cpu")
    assert told.of("progress")[-1] == {"done": 2, "total": 2, "unit": "sizes"}


def test_random_rows_hold_two_documents() -> None:
    batch = random_batch(100, 3, 10)
    assert batch.tokens.shape == batch.targets.shape == batch.segments.shape == (3, 10)
    assert batch.segments[1].tolist() == [0] * 5 + [1] * 5
    assert batch.tokens.max() < 100
