from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.evaluate.config import EvaluateConfig
from ingot.evaluate.held_out import Text
from ingot.evaluate.run import evaluate, write_samples
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.infer.engines import torch as reference
from ingot.infer.text import Token
from tests.evaluate.small_build import silent

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


class Speechless(reference.Engine):
    """The reference, without an answer to anything."""

    closed = 0

    def generate(self, *_: object) -> Iterator[Token]:
        raise InputError("no answer")

    def close(self) -> None:
        super().close()
        type(self).closed += 1


def test_the_model_is_let_go_of_when_a_sample_fails(
    made: dict[str, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingot.evaluate.run.build", lambda name, folder: Speechless(folder, reference.Config()))
    context = StepContext(tmp_path, tmp_path, 1, silent)
    with pytest.raises(InputError, match="no answer"):
        write_samples([Text("1", "a.txt", "some words")], CONFIG, made, context)
    assert Speechless.closed == 1
