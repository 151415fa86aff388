"""Every wrong word gets the nearest right one, an exit code, and no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.cli.main import COMMANDS, run


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_the_shared_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in ("--home", "--json", "--debug"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["buld"], 2, "did you mean 'build'?"),
        (["build", "x", "--name", "a", "--tme", "3m"], 2, "--time"),
        (["build", "x"], 2, "--name"),
        (["build", "--name", "a"], 2, "PATH"),
        (["build", "x", "--name", "a/b"], 2, "cannot be a name"),
        (["build", ".", "--name", "a", "--time", "soon"], 2, "write it like"),
        (["build", ".", "--name", "a", "--time", "3m", "--steps", "5"], 2, "more than one budget"),
        (["build", ".", "--name", "machine-probe"], 2, "choose another --name"),
        (["build", ".", "--name", "a" * 95], 2, "cannot be a name"),
        (["build", ".", "--name", "a", "--cores", "-2"], 2, "--cores"),
        (["build", ".", "--name", "a", "--write-recipe", "/nowhere/r.yaml"], 2, "cannot be written"),
        (["models", "--home", ""], 2, "no name"),
        (["build", ".", "--name", "a", "--home", "/dev/null/x"], 3, "home folder cannot be made"),
        (["serve", "a", "--port", "70000"], 2, "--port"),
        (["plugins", "parsr"], 2, "did you mean 'parser'?"),
        (["lineage", "nothing"], 2, "no artifact named 'nothing'"),
        (["runs", "nothing"], 2, "no run 'nothing'"),
        (["run", "nothing.yaml"], 2, "cannot be read"),
    ],
)
def test_wrong_words(arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err + captured.out


def test_an_error_is_json_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lineage", "nothing", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)
    assert (error["kind"], error["error"], error["exit_code"]) == ("error", "UsageError", 2)


@pytest.mark.parametrize("command", ["models", "runs", "artifacts", "gc", "plugins", "doctor"])
def test_an_empty_home_is_no_error(command: str, ingot_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command]) == 0
    assert run([command, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.out
    assert not ingot_home.exists()
