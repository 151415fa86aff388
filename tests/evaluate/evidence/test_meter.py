from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.evaluate.evidence.meter import FIGURE, spent


def written(folder: Path, looks: list[tuple[int, float]]) -> Path:
    rows = [{"step": step, "loss": 1.0} for step in range(1, 5)]
    rows += [{"step": step, FIGURE: seconds} for step, seconds in looks]
    (folder / "curve.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_the_seconds_of_all_steps(tmp_path: Path) -> None:
    # Twelve seconds of imports before the first step, and two for each step.
    assert spent(written(tmp_path, [(10, 32.0), (20, 52.0), (50, 112.0)])) == pytest.approx(100.0)


def test_a_training_that_went_on_in_another_process(tmp_path: Path) -> None:
    assert spent(written(tmp_path, [(10, 32.0), (20, 52.0), (30, 15.0), (40, 35.0)])) == pytest.approx(80.0)


def test_one_look_tells_nothing(tmp_path: Path) -> None:
    assert spent(written(tmp_path, [(10, 32.0)])) is None
