from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingot.evaluate.config import EvaluateConfig
from ingot.evaluate.run import evaluate
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext

CONFIG = EvaluateConfig(resamples=100, sample_tokens=6, held_out_bytes=20_000)


def run(made: dict[str, Artifact], folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []

    def emit(kind: str, /, **fields: Any) -> None:
        told.append({"kind": kind, **fields})

    folder.mkdir()
    return dict(evaluate(CONFIG, made, StepContext(folder, folder, 1, emit))), told


def test_the_model_is_measured_beside_its_baselines(made: dict[str, Artifact], tmp_path: Path) -> None:
    facts, told = run(made, tmp_path / "report")
    low, high = facts["interval"]
    assert low <= facts["bits_per_byte"] <= high
    # Drawn weights know nothing; counting and looking up do.
    assert facts["ngram_bits_per_byte"] < facts["bits_per_byte"]
    assert facts["zstd_bits_per_byte"] < facts["bits_per_byte"]
    assert 0 < facts["scored_bytes"] <= CONFIG.held_out_bytes
    assert [event["text"] for event in told if event["kind"] == "sample"] == [
        sample["continuation"] for sample in facts["samples"]
    ]


def test_the_files_hold_what_was_returned(made: dict[str, Artifact], tmp_path: Path) -> None:
    facts, _ = run(made, tmp_path / "report")
    metrics = json.loads((tmp_path / "report/metrics.json").read_text())
    assert metrics["bits_per_byte"] == facts["bits_per_byte"]
    assert json.loads((tmp_path / "report/samples.json").read_text()) == facts["samples"]
    assert "<!doctype html>" in (tmp_path / "report/report.html").read_text()


def test_the_same_model_gets_the_same_figures(made: dict[str, Artifact], tmp_path: Path) -> None:
    assert run(made, tmp_path / "first")[0] == run(made, tmp_path / "second")[0]
