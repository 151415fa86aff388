from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ingot.core.storage import write_atomically
from ingot.flow.home import Home
from ingot.flow.runs import StepStatus, finish_run, list_runs, read_run, start_run, update_run


def test_keeps_what_a_run_did(tmp_path: Path) -> None:
    home = Home(tmp_path)
    record = start_run(home, "ingot build x", ["a", "b"])
    update_run(home, record.id, StepStatus("a", "made", "x-a@1"))
    finish_run(home, record.id, "finished", "")
    found = read_run(home, record.id)
    assert found.status == "finished"
    assert found.finished >= found.started
    assert found.steps == (StepStatus("a", "made", "x-a@1"), StepStatus("b", "waiting", ""))


def test_a_run_whose_process_is_gone_reads_interrupted(tmp_path: Path) -> None:
    home = Home(tmp_path)
    record = start_run(home, "ingot build x", ["a"])
    assert list_runs(home)[0].status == "running"
    path = home.runs_path / record.id / "run.json"
    gone = replace(record, process=2**22 - 1)
    write_atomically(path, path.read_text().replace(f'"process": {record.process}', f'"process": {gone.process}'))
    assert list_runs(home)[0].status == "interrupted"
