"""Nobody is left writing when the runner dies, and who can save may."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

RUNNER = """
import signal
import sys
from pathlib import Path
from ingot.flow.home import Home
from ingot.flow.runner import run
from ingot.flow.step import Step
from tests.flow.steps_for_tests import SleepConfig
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a script it is ignored
reference = "tests.flow.steps_for_tests:" + sys.argv[2]
step = Step("sleep", "sleep", "Report", reference, SleepConfig(60.0), is_resumable=True, retries=0)
run([step], Home(Path(sys.argv[1])))
"""


def test_the_child_ends_when_the_runner_is_killed(tmp_path: Path) -> None:
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path), "sleep"])
    try:
        child = _wait_for_child(runner.pid, tmp_path)
    finally:
        runner.send_signal(signal.SIGKILL)
        runner.wait()
    _, alive = psutil.wait_procs([child], timeout=10)
    assert alive == []


@pytest.mark.parametrize(
    ("number", "whom"),
    [
        (signal.SIGKILL, "runner"),  # a lost terminal, a full memory
        (signal.SIGTERM, "runner"),  # a scheduler, a shutdown
        (signal.SIGINT, "runner"),  # Ctrl-C
        (signal.SIGTERM, "child"),
        (signal.SIGUSR1, "child"),
    ],
    ids=lambda value: str(value),
)
def test_a_step_that_can_save_is_given_the_time(tmp_path: Path, number: signal.Signals, whom: str) -> None:
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(tmp_path), "save_when_asked"], stderr=subprocess.DEVNULL
    )
    child = _wait_for_child(runner.pid, tmp_path)
    os.kill(runner.pid if whom == "runner" else child.pid, number)
    runner.wait(timeout=40)
    _, alive = psutil.wait_procs([child], timeout=10)
    assert alive == []
    assert list((tmp_path / "work").glob("*/saved"))


def _wait_for_child(runner: int, home: Path) -> psutil.Process:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        children = psutil.Process(runner).children()
        if children and list((home / "work").glob("*/started")):
            return children[0]
        time.sleep(0.05)
    raise AssertionError("the step never started")
