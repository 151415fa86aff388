from __future__ import annotations

import socket

import pytest

from ingot.cli.main import run
from ingot.cli.serve import listen


def test_a_taken_port_is_named_before_anything_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(["serve", "acme", "--port", str(port)]) == 6
    assert "--port" in capsys.readouterr().err


def test_port_zero_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
