from __future__ import annotations

import json
from pathlib import Path

from ingot.train.journal import Journal, StepReport, read_curve
from tests.train.small import Told


def report(step: int, **changes: object) -> StepReport:
    fields = {"step": step, "tokens": step * 64, "loss": 1 / step, "gradient_norm": 0.5, "learning_rate": 1e-3}
    return StepReport(**{**fields, **changes})


def write(path: Path, *reports: StepReport, done: int = 0, told: Told | None = None) -> Told:
    told = told or Told()
    with Journal(path, 10, done, told) as journal:
        for one in reports:
            journal.record(one)
        journal.flush()
    return told


def test_every_step_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "curve.jsonl"
    write(path, report(1), report(2, metrics={"held_out_bits_per_byte": 2.5}))
    first, second = read_curve(path)
    assert first == {"step": 1, "tokens": 64, "learning_rate": 1e-3, "loss": 1.0, "gradient_norm": 0.5}
    assert second["held_out_bits_per_byte"] == 2.5


def test_going_on_forgets_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    unbroken, broken = tmp_path / "unbroken.jsonl", tmp_path / "broken.jsonl"
    write(unbroken, *(report(step) for step in range(1, 8)))
    write(broken, *(report(step) for step in range(1, 6)))
    with broken.open("a") as file:
        file.write('{"step": 6, "tok')  # the kill came in the middle of a line
    write(broken, *(report(step) for step in range(4, 8)), done=3)
    assert broken.read_bytes() == unbroken.read_bytes()


def test_a_skipped_step_is_json_and_a_warning_that_names_it(tmp_path: Path) -> None:
    told = write(tmp_path / "curve.jsonl", report(4, loss=float("nan"), trouble="no number"))
    line = json.loads((tmp_path / "curve.jsonl").read_text(), parse_constant=lambda name: 1 / 0)
    assert line["skipped"] is True
    assert "loss" not in line
    (warning,) = told.of("warning")
    assert warning["at_step"] == 4
    assert "step 4 skipped: no number" in warning["text"]


def test_what_is_forgotten_is_written_anew(tmp_path: Path) -> None:
    told, path = Told(), tmp_path / "curve.jsonl"
    with Journal(path, 10, 0, told) as journal:
        for step in range(1, 6):
            journal.record(report(step))
        journal.forget(2)
        journal.record(report(3, loss=0.25))
    assert [(line["step"], line["loss"]) for line in read_curve(path)] == [(1, 1.0), (2, 0.5), (3, 0.25)]


def test_notes_are_warnings(tmp_path: Path) -> None:
    told = write(tmp_path / "curve.jsonl", report(4, notes=("a note",)))
    assert told.of("warning") == [{"text": "a note", "at_step": 4}]


def test_metrics_and_the_last_step_are_always_told(tmp_path: Path) -> None:
    told = write(tmp_path / "c", report(1), report(2, metrics={"held_out_bits_per_byte": 2.5}), report(3), report(10))
    metrics = told.of("metric")
    assert {2, 10} <= {one["at_step"] for one in metrics}
    assert all(one["tokens_per_second"] > 0 for one in metrics)
    assert told.of("progress")[-1] == {"done": 10, "total": 10, "unit": "steps"}
