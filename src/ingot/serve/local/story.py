"""What a training tells the people who wait for it: the events of its runs in plain words, kept beside it.

A run writes hundreds of events a minute for those who watch it from near; here is one line of JSON for each that says
something new: a stage that begins, a note, a warning, and the loss at some hundred steps. The process that trains
writes it, the server adds its own words; both only append whole lines.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingot.core.events import Event
from ingot.serve.ports import TrainingEvent

STORY = "story.jsonl"
_STAGES = {
    "shards": "The examples are prepared",
    "plan": "The training is planned",
    "checkpoint": "The training begins",
    "model": "The model is packaged and compared with what was trained",
}
_METRICS = {
    "loss": "train_loss",
    "valid_loss": "valid_loss",
    "valid_accuracy": "valid_mean_token_accuracy",
    "learning_rate": "learning_rate",
    "tokens": "tokens",
}
_MOST_METRICS = 200  # of one training


class Story:
    """A sink of core/events that keeps what is worth telling."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / STORY
        self._total = 0
        self._first: tuple[int, float] | None = None
        self._told = 0

    def __call__(self, event: Event) -> None:
        fields = event.fields
        if event.kind == "step" and fields["status"] == "started" and event.step in _STAGES:
            tell(self._path, _STAGES[event.step])
        elif event.kind in ("note", "warning"):
            tell(self._path, str(fields["text"]), "warn" if event.kind == "warning" else "info")
        elif event.kind == "progress" and event.step == "checkpoint":
            self._total = int(fields["total"])
        elif event.kind == "metric" and event.step == "checkpoint":
            self._measured(int(fields["at_step"]), fields, event.time)

    def _measured(self, step: int, fields: Mapping[str, Any], now: float) -> None:
        self._first = self._first or (step, now)
        is_worth_it = "valid_loss" in fields or step - self._told >= max(1, self._total // _MOST_METRICS)
        if not (is_worth_it or step == self._total):
            return
        self._told = step
        metrics: dict[str, float] = {"step": step, "total_steps": self._total}
        metrics |= {name: fields[key] for key, name in _METRICS.items() if isinstance(fields.get(key), int | float)}
        begun, began = self._first
        if step > begun:
            metrics["seconds_left"] = round((now - began) / (step - begun) * (self._total - step), 1)
        tell(self._path, _in_words(metrics), metrics=metrics)


def tell(path: Path, message: str, level: str = "info", metrics: Mapping[str, float] | None = None) -> None:
    """Append an event to a story."""
    told = {
        "id": f"ftevent-{secrets.token_hex(12)}",
        "created": round(time.time(), 3),
        "level": level,
        "message": message,
        "metrics": metrics,
    }
    line = json.dumps(told, ensure_ascii=False) + "\n"
    # One write of a whole line: another process may be appending, too.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def read_story(path: Path) -> list[TrainingEvent]:
    """Return the events of a story, oldest first; a line that a crash has torn is left out."""
    events = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            events.append(TrainingEvent(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return events


def _in_words(metrics: Mapping[str, float]) -> str:
    words = f"Step {metrics['step']}/{metrics['total_steps']}"
    told = [("training loss", "train_loss"), ("validation loss", "valid_loss")]
    figures = [f"{name}={metrics[key]:.4f}" for name, key in told if key in metrics]
    return f"{words}: {', '.join(figures)}" if figures else words
