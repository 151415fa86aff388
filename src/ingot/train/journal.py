"""What a training tells: the loss of every step in a file, and its pace to whoever watches.

`curve.jsonl` holds only what the training determines, one line a step, so that a run that was killed and resumed leaves
the same bytes as one that was not: on a resume it is cut back to the checkpoint's step. Speed depends on the day, so it
is emitted and not written.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from ingot.core.energy import Meter
from ingot.core.events import Emit
from ingot.core.storage import room_on_disk, write_atomically

# A small model takes a hundred steps a second; nobody watches more than a few.
_SECONDS_BETWEEN_EVENTS = 0.25


@dataclass(frozen=True)
class StepReport:
    """One step: its number from 1, tokens read so far, mean loss in nats per target, the gradient before clipping.

    With `trouble` the step was skipped: the weights were left as they were, for the reason it names. `notes` are other
    things to tell.
    """

    step: int
    tokens: int
    loss: float
    gradient_norm: float
    learning_rate: float
    trouble: str = ""
    notes: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)

    def as_line(self) -> dict[str, Any]:
        """Return the step as it stands in the curve; a skipped one has no numbers JSON could hold."""
        line: dict[str, Any] = {"step": self.step, "tokens": self.tokens, "learning_rate": self.learning_rate}
        measured = {"loss": self.loss, "gradient_norm": self.gradient_norm}
        return {**line, **({"skipped": True} if self.trouble else measured), **self.metrics}


class Journal:
    """The story of a training of `steps` steps; what it holds after step `done` is forgotten.

    Its `meter` counts the energy of this process from now on.
    """

    def __init__(self, path: Path, steps: int, done: int, emit: Emit) -> None:
        self._path, self._steps, self._emit = path, steps, emit
        self.meter = Meter()
        self._file = self._opened(done)

    def record(self, report: StepReport) -> None:
        """Write a step down, and tell it when it is time, or when it has metrics, or is the last."""
        with room_on_disk(Path(self._file.name).parent):
            self._file.write(_as_text(report.as_line()))
            self._file.flush()
        for text in (*([f"step {report.step} skipped: {report.trouble}"] if report.trouble else []), *report.notes):
            self.warn(text, report.step)
        is_time = time.monotonic() - self._told_at >= _SECONDS_BETWEEN_EVENTS
        if is_time or report.metrics or report.step == self._steps:
            self._tell(report)

    def warn(self, text: str, step: int) -> None:
        """Tell something that whoever watches should know."""
        self._emit("warning", text=text, at_step=step)

    def forget(self, step: int) -> None:
        """Take back what was written after step `step`: the training goes on from there."""
        self._file.close()
        self._file = self._opened(step)

    def flush(self) -> None:
        """Make the curve durable: a checkpoint must never be ahead of it."""
        with room_on_disk(Path(self._file.name).parent):
            self._file.flush()
            os.fsync(self._file.fileno())

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the curve; a later Journal can go on with it."""
        self._file.close()

    def _opened(self, done: int) -> TextIO:
        """Cut the curve back to step `done` and return it open at its end."""
        kept = [line for line in read_curve(self._path) if line["step"] <= done]
        write_atomically(self._path, "".join(map(_as_text, kept)))
        self._told_at, self._told_tokens = time.monotonic(), kept[-1]["tokens"] if kept else 0
        self._told_joules = self.meter.read().joules
        return self._path.open("a", encoding="utf-8")

    def _tell(self, report: StepReport) -> None:
        now = time.monotonic()
        read, energy = report.tokens - self._told_tokens, self.meter.read()
        pace = read / max(now - self._told_at, 1e-9)
        per_joule = _per_joule(read, self._told_joules, energy.joules)
        self._told_at, self._told_tokens, self._told_joules = now, report.tokens, energy.joules
        self._emit("progress", done=report.step, total=self._steps, unit="steps")
        measured = report.as_line()
        rates = {"tokens_per_second": round(pace, 1), "tokens_per_joule": per_joule, "energy": energy.method}
        self._emit("metric", at_step=measured.pop("step"), **measured, **rates)


class Unheard(Journal):
    """The journal of a rank that has nothing to say: another rank keeps the same."""

    def __init__(self) -> None:
        self.meter = Meter()

    def record(self, report: StepReport) -> None: ...

    def warn(self, text: str, step: int) -> None: ...

    def forget(self, step: int) -> None: ...

    def flush(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _per_joule(tokens: int, before: float | None, now: float | None) -> float | None:
    """Return tokens per joule; None when joules are not measured, or too few to tell."""
    if before is None or now is None or now <= before:
        return None
    return round(tokens / (now - before), 2)


def read_curve(path: Path) -> list[dict[str, Any]]:
    """Return the curve's lines; a line a crash left half-written ends it."""
    lines: list[dict[str, Any]] = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines


def _as_text(line: Mapping[str, Any]) -> str:
    return json.dumps(line) + "\n"
