from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

from ingot.core.storage import write_atomically
from ingot.flow.home import Home
from ingot.flow.runs import RunRecord, StepStatus, finish_run, list_runs, read_run, start_run, update_run


def test_keeps_what_a_run_did(tmp_path: Path) -> None:
    home = Home(tmp_path)
    record = start_run(home, "ingot build x", ["a", "b"])
    update_run(home, record.id, StepStatus("a", "made", "x-a@1"))
    finish_run(home, record.id, "finished", "")
    found = read_run(home, record.id)
    assert found.status == "finished"
    assert found.finished >= found.started
    assert found.steps == (StepStatus("a", "made", "x-a@1"), StepStatus("b", "waiting", ""))


def rewrite(home: Home, record: RunRecord, **changes: object) -> None:
    """Change a run's record as time or a lost machine would have."""
    write_atomically(home.runs_path / record.id / "run.json", json.dumps(asdict(replace(record, **changes))))


def statuses(home: Home, run_id: str) -> set[str]:
    return {read_run(home, run_id).status, list_runs(home)[0].status}


def test_a_run_whose_process_is_gone_reads_interrupted(tmp_path: Path) -> None:
    home = Home(tmp_path)
    record = start_run(home, "ingot build x", ["a"])
    assert statuses(home, record.id) == {"running"}
    rewrite(home, record, process=2**22 - 1)
    assert statuses(home, record.id) == {"interrupted"}


def test_the_step_a_run_ended_in_says_so(tmp_path: Path) -> None:
    home = Home(tmp_path)
    record = start_run(home, "ingot build x", ["a", "b", "c"])
    update_run(home, record.id, StepStatus("a", "made", "x-a@1"))
    update_run(home, record.id, StepStatus("b", "running", ""))
    rewrite(home, read_run(home, record.id), process=2**22 - 1)
    assert [step.status for step in read_run(home, record.id).steps] == ["made", "interrupted", "waiting"]
    ended = finish_run(home, record.id, "failed", "no luck")
    assert [step.status for step in ended.steps] == ["made", "failed", "waiting"]


def test_a_later_process_of_the_same_number_is_not_the_run(tmp_path: Path) -> None:
    """Numbers come back, after a restart of the machine almost surely."""
    home = Home(tmp_path)
    record = start_run(home, "ingot build x", ["a"])
    rewrite(home, record, started="2020-02-02T02:02:02+00:00")
    assert statuses(home, record.id) == {"interrupted"}


def test_a_killed_process_nobody_has_buried_yet_is_gone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    record = start_run(home, "ingot build x", ["a"])
    ended = subprocess.Popen([sys.executable, "-c", ""])
    try:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        rewrite(home, record, process=ended.pid)
        assert statuses(home, record.id) == {"interrupted"}
    finally:
        ended.wait()
