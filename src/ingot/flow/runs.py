"""Runs: which command made or reused what, when, and how it ended. One run.json each, rewritten whole."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import psutil

from ingot.core.storage import write_atomically
from ingot.flow.home import Home

# A process begins before its run, but when it began is known only as well as clocks agree; this much is forgiven.
_CLOCK_SECONDS = 60.0


@dataclass(frozen=True)
class StepStatus:
    """A step's state in a run: waiting, running, made or reused, and where the run ended in it, as the run ended.

    `artifact` is what it led to.
    """

    name: str
    status: str
    artifact: str


@dataclass(frozen=True)
class RunRecord:
    """One run. `status` is running, finished, failed or interrupted; `process` is the runner's number on its machine.

    A run that was killed could not write how it ended: its file says `running` for ever, reading it says `interrupted`.
    """

    id: str
    command: str
    status: str
    started: str
    finished: str
    process: int
    steps: tuple[StepStatus, ...]
    error: str = ""


def start_run(home: Home, command: str, step_names: Sequence[str]) -> RunRecord:
    """Begin a run: give it an id that sorts by time, and write its record."""
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    steps = tuple(StepStatus(name, "waiting", "") for name in step_names)
    record = RunRecord(run_id, command, "running", _now(), "", os.getpid(), steps)
    (home.runs_path / run_id).mkdir(parents=True)
    return _write(home, record)


def update_run(home: Home, run_id: str, status: StepStatus) -> RunRecord:
    """Put a step's new state into the run's record."""
    record = _read(home, run_id)
    steps = tuple(status if step.name == status.name else step for step in record.steps)
    return _write(home, replace(record, steps=steps))


def finish_run(home: Home, run_id: str, status: str, error: str) -> RunRecord:
    """Close a run's record."""
    return _write(home, replace(_ended(_read(home, run_id), status), finished=_now(), error=error))


def read_run(home: Home, run_id: str) -> RunRecord:
    """Return a run's record; a run whose process is gone without a word reads `interrupted`."""
    record = _read(home, run_id)
    if record.status == "running" and not _is_alive(record):
        return _ended(record, "interrupted")
    return record


def list_runs(home: Home) -> list[RunRecord]:
    """Return the records of all runs as `read_run` does, newest first."""
    if not home.runs_path.is_dir():
        return []
    ids = sorted((path.parent.name for path in home.runs_path.glob("*/run.json")), reverse=True)
    return [read_run(home, run_id) for run_id in ids]


def _read(home: Home, run_id: str) -> RunRecord:
    fields = json.loads((home.runs_path / run_id / "run.json").read_text(encoding="utf-8"))
    steps = tuple(StepStatus(**step) for step in fields.pop("steps"))
    return RunRecord(**fields, steps=steps)


def _ended(record: RunRecord, status: str) -> RunRecord:
    steps = tuple(replace(step, status=status) if step.status == "running" else step for step in record.steps)
    return replace(record, status=status, steps=steps)


def _is_alive(record: RunRecord) -> bool:
    """Say whether the run's process is there: not dead and unburied, nor a later one that was given its number."""
    try:
        process = psutil.Process(record.process)
        latest_start = datetime.fromisoformat(record.started).timestamp() + _CLOCK_SECONDS
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= latest_start)
    except psutil.NoSuchProcess:
        return False


def _write(home: Home, record: RunRecord) -> RunRecord:
    write_atomically(home.runs_path / record.id / "run.json", json.dumps(asdict(record), indent=1) + "\n")
    return record


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
