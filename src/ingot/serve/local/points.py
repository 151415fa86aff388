"""The states of the weights that a training has saved, and its curve as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ingot.flow.home import Home
from ingot.serve.ports import TrainingPoint
from ingot.train.journal import read_curve

_CURVE, _SAVED, _MANIFEST = "curve.jsonl", "checkpoints", "manifest.json"
_COLUMNS = {
    "step": "step",
    "loss": "train_loss",
    "valid_loss": "valid_loss",
    "valid_accuracy": "valid_mean_token_accuracy",
}


def points_of(home: Home, name: str) -> list[TrainingPoint]:
    """Return what is saved of the training that makes the model `name`, oldest first."""
    finished = home.versions(f"{name}-checkpoint")
    if finished:
        made = finished[-1]
        created = datetime.fromisoformat(made.record.finished).timestamp()
        lines = _by_step(made.path / _CURVE)
        step = int(made.facts["steps"])
        return [TrainingPoint(step, created, bool(home.versions(name)), _metrics(lines.get(step, {})))]
    found = []
    for manifest in home.work_path.glob(f"{name}-checkpoint.*/{_SAVED}/step-*/{_MANIFEST}"):
        step_text = manifest.parent.name.removeprefix("step-")
        if step_text.isdecimal():
            lines = _by_step(manifest.parents[2] / _CURVE)
            metrics = _metrics(lines.get(int(step_text), {}))
            found.append(TrainingPoint(int(step_text), manifest.stat().st_mtime, False, metrics))
    return sorted(found, key=lambda point: point.step)


def csv_of(home: Home, name: str) -> bytes:
    """Return the curve of a finished training, a line for each step."""
    table = io.StringIO()
    writer = csv.DictWriter(table, list(_COLUMNS.values()), lineterminator="\n")
    writer.writeheader()
    for line in read_curve(home.get(f"{name}-checkpoint").path / _CURVE):
        writer.writerow({column: line.get(key, "") for key, column in _COLUMNS.items()})
    return table.getvalue().encode()


def _by_step(curve: Path) -> dict[int, Mapping[str, Any]]:
    return {int(line["step"]): line for line in read_curve(curve)}


def _metrics(line: Mapping[str, Any]) -> dict[str, float]:
    return {column: float(line[key]) for key, column in _COLUMNS.items() if key in line}
