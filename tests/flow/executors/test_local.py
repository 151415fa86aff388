"""Nobody is left writing when the runner dies."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

RUNNER = """
import sys
from pathlib import Path
from ingot.flow.home import Home
from ingot.flow.runner import run
from ingot.flow.step import Step
from tests.flow.steps_for_tests import SleepConfig
run([Step("sleep", "sleep", "Report", "tests.flow.steps_for_tests:sleep", SleepConfig(60.0))], Home(Path(sys.argv[1])))
"""


def test_the_child_ends_when_the_runner_is_killed(tmp_path: Path) -> None:
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path)])
    try:
        child = _wait_for_child(runner.pid, tmp_path)
    finally:
        runner.send_signal(signal.SIGKILL)
        runner.wait()
    _, alive = psutil.wait_procs([child], timeout=10)
    assert alive == []


def _wait_for_child(runner: int, home: Path) -> psutil.Process:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        children = psutil.Process(runner).children()
        if children and list((home / "work").glob("*/started")):
            return children[0]
        time.sleep(0.05)
    raise AssertionError("the step never started")
