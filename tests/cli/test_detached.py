"""A detached run outlives its terminal (a real one), is watched and stopped from another, and says why it began not."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ingot.cli.detached import OUTPUT
from ingot.cli.main import run
from ingot.flow.home import Home
from ingot.flow.runs import RunRecord, list_runs

INGOT = [sys.executable, "-m", "ingot.cli.main"]


@pytest.fixture
def home(ingot_home: Path) -> Iterator[Home]:
    """A home whose runs are ended with the test."""
    home = Home(ingot_home)
    yield home
    for record in list_runs(home):
        if record.status == "running":
            os.kill(record.process, signal.SIGKILL)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A step that lasts until it is asked to stop."""
    path = tmp_path / "long.json"
    step = {"run": "tests.flow.steps_for_tests:save_when_asked", "kind": "Numbers", "artifact": "saved"}
    path.write_text(json.dumps({"steps": {"work": {**step, "resumable": True, "config": {"seconds": 60.0}}}}))
    return path


def short(tmp_path: Path, seconds: float) -> Path:
    path = tmp_path / "short.json"
    step = {"run": "tests.flow.steps_for_tests:write_slowly", "kind": "Numbers", "artifact": "written"}
    path.write_text(json.dumps({"steps": {"write": {**step, "config": {"seconds": seconds}}}}))
    return path


def wait_for(there: Callable[[], bool], seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


def only(home: Home) -> RunRecord:
    (record,) = list_runs(home)
    return record


def has_started(home: Home) -> bool:
    return home.work_path.is_dir() and bool(list(home.work_path.glob("*/started")))


def as_in_a_shell() -> None:
    """Take signals as in a shell somebody types in: whatever started these tests may have them ignored."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def in_a_terminal(command: list[str]) -> tuple[int, int]:
    """Start a shell in a terminal of its own that runs a command and then waits; return its number and the terminal."""
    number, terminal = pty.fork()
    if number == 0:
        as_in_a_shell()
        os.execvp("sh", ["sh", "-c", f"{' '.join(command)}; sleep 100"])
    return number, terminal


def read_until(terminal: int, words: str) -> str:
    said = ""
    while words not in said:
        said += os.read(terminal, 4096).decode(errors="replace")
    return said


def close(terminal: int, number: int) -> None:
    """Close the terminal, as closing its window does: what belongs to it is told to hang up."""
    os.close(terminal)
    os.waitpid(number, 0)


def test_it_outlives_its_terminal(home: Home, tmp_path: Path) -> None:
    number, terminal = in_a_terminal([*INGOT, "run", str(short(tmp_path, 3.0)), "--detach"])
    said = read_until(terminal, OUTPUT)
    close(terminal, number)
    record = only(home)
    assert record.status == "running"
    assert f"ingot runs {record.id} --follow" in said
    assert f"ingot runs {record.id} --stop" in said
    assert psutil.Process(record.process).terminal() is None
    assert "--detach" not in record.command
    wait_for(lambda: only(home).status != "running")
    assert only(home).status == "finished"
    assert home.get("written").path.is_dir()
    words = home.runs_path / record.id / OUTPUT
    wait_for(lambda: "written@1" in words.read_text())


def test_without_it_a_run_ends_with_its_terminal(home: Home, recipe: Path) -> None:
    number, terminal = in_a_terminal([*INGOT, "run", str(recipe)])
    wait_for(lambda: has_started(home))
    close(terminal, number)
    wait_for(lambda: only(home).status == "interrupted")


def test_it_is_stopped_and_saves_first(home: Home, recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", str(recipe), "--detach", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kind"] == "detached"
    wait_for(lambda: has_started(home))
    assert run(["runs", "--stop"]) == 0
    said = capsys.readouterr().out
    assert "it is interrupted; the same command goes on from there" in said
    assert list(home.work_path.glob("*/saved"))
    assert only(home).id == told["run"]
    assert run(["runs", told["run"], "--stop"]) == 2
    assert "is not running" in capsys.readouterr().err
    assert run(["runs", "--follow"]) == 2
    assert "no run is running" in capsys.readouterr().err
    assert run(["runs", told["run"], "--follow"]) != 0
    assert "ended: interrupted" in capsys.readouterr().err


def test_it_is_followed_to_its_end(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", str(short(tmp_path, 1.0)), "--detach"]) == 0
    capsys.readouterr()
    assert run(["runs", only(home).id, "--follow", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["status"] for event in events if event["kind"] == "run"] == ["started", "finished"]
    assert len({json.dumps(event) for event in events}) == len(events)


def test_who_stops_watching_lets_it_go_on(home: Home, recipe: Path) -> None:
    assert run(["run", str(recipe), "--detach"]) == 0
    watch = [*INGOT, "runs", "--follow"]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True, preexec_fn=as_in_a_shell) as watcher:
        assert watcher.stdout is not None
        watcher.stdout.readline()
        watcher.send_signal(signal.SIGINT)
        assert "the run goes on" in watcher.stdout.read()
    assert watcher.returncode == 0
    assert only(home).status == "running"


def test_what_is_wrong_with_the_command_is_said_at_once(
    home: Home, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", str(tmp_path / "missing.yaml"), "--detach"]) == 2
    assert "cannot be read" in capfd.readouterr().err
    assert not list(home.runs_path.iterdir())
    assert run(["run", str(short(tmp_path, 1.0)), "--detach", "--dry-run"]) == 0
    assert list_runs(home) == []
