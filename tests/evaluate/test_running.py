"""What a model wrote is run where it can do no harm, and a program that did not pass says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.evaluate.running import failure_of


def test_a_program_that_passes_says_nothing() -> None:
    assert failure_of("from typing import List\nimport math\nassert math.floor(2.5) == 2\nprint('noise')\n") is None


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("assert 1 == 2", "AssertionError"),
        ("def f(:\n", "SyntaxError"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("import os; os._exit(0)", ""),
        ("x = [0] * (1 << 30)\ny = x * 8", ""),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", ""),
        ("import subprocess; subprocess.run(['true'])", ""),
    ],
)
def test_a_program_that_fails_says_why(program: str, said: str) -> None:
    failure = failure_of(program, seconds=5.0)
    assert failure
    assert said in failure


def test_a_program_that_never_ends_is_ended() -> None:
    assert failure_of("while True: pass", seconds=0.5)


def test_a_program_writes_no_file(tmp_path: Path) -> None:
    assert failure_of(f"open({str(tmp_path / 'made')!r}, 'w').write('x')")
    assert not (tmp_path / "made").exists()
