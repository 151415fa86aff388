"""Every wrong word gets the nearest right one, an exit code, and no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ingot.cli.main import COMMANDS, run
from ingot.core.plugins import resolve
from ingot.flow.home import Home
from tests.registry.made import add

INGOT = [sys.executable, "-m", "ingot.cli.main"]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_the_shared_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = resolve(COMMANDS[name][0])
    below = list(command.commands) if isinstance(command, click.Group) else []
    for words in [[name, each] for each in below] or [[name]]:
        assert run([*words, "--help"]) == 0
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
        (["build", ".", "--name", "a", "--home", "/dev/null/x"], 2, "not a folder"),
        (["models", "--home", "/dev/null"], 2, "not a folder"),
        # These are said before a document is looked for: the folder does not exist.
        (["build", "nowhere", "--name", "a", "--steps", "0"], 2, "works is --steps 1"),
        (["build", "nowhere", "--name", "a", "--steps", "0.4"], 2, "--steps 0.4 trains nothing"),
        (["build", "nowhere", "--name", "a", "--tokens", "0"], 2, "works is --tokens 25600"),
        (["build", "nowhere", "--name", "a", "--time", "0s"], 2, "--time 0s trains nothing"),
        (["build", "nowhere", "--name", "a", "--steps", ""], 2, "is not a count"),
        (["build", "nowhere", "--name", "a", "--vocabulary", "64"], 2, "do now: --vocabulary 320"),
        (["build", "nowhere", "--name", "a", "--vocabulary", "10000000"], 2, "do now: --vocabulary 262144"),
        (["build", "nowhere", "--name", "a", "--vocabulary", "-64"], 2, "from 320 to 262144"),
        (["build", "nowhere", "--name", "a", "--width", "65"], 2, "heads are 64 wide"),
        (["build", "nowhere", "--name", "a", "--layers", "-1"], 2, "--layers"),
        (["build", "", "--name", "a"], 2, "a path is empty"),
        (["chat", "a", "--temperature", "-1"], 2, "--temperature"),
        (["chat", "a", "--temperature", "nan"], 2, "--temperature"),
        (["chat", "a", "--max-tokens", "0"], 2, "--max-tokens"),
        (["chat", "a", "--seed", "-1"], 2, "--seed"),
        (["chat", "a", "--prompt", "caf\udce9"], 2, "byte 0xe9"),
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


@pytest.mark.parametrize(
    ("arguments", "what", "where"),
    [
        (["data", "show", "--json"], "Missing argument 'NAME'", "ingot data show"),
        (["data", "nothing", "--json"], "No such command 'nothing'", "ingot data"),
        (["nothing", "--json"], "there is no command 'nothing'", "ingot"),
        (["serve", "a", "--port", "70000", "--json"], "70000 is not in the range", "ingot serve"),
        (["runs", "--json", "--nothing"], "No such option", "ingot runs"),
    ],
)
def test_wrong_words_are_json_when_asked(
    arguments: list[str], what: str, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    error = json.loads(capsys.readouterr().out)
    assert (error["kind"], error["exit_code"], error["where"]) == ("error", 2, where)
    assert what in error["what"]


def test_a_bug_is_json_when_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(COMMANDS, "models", ("ingot.core.errors:suggest", ""))  # no command at all
    assert run(["models", "--json"]) == 1
    assert "ingot has a bug" in json.loads(capsys.readouterr().out)["what"]


def test_an_error_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "none\x1b[31m\x1b]0;mine\x07.yaml"]) == 2
    assert "none·[31m·]0;mine·.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["models", "runs", "artifacts", "gc", "plugins", "doctor"])
def test_an_empty_home_is_no_error(command: str, ingot_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command]) == 0
    assert run([command, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.out
    assert not ingot_home.exists()


@pytest.mark.parametrize("arguments", [["plugins"], ["--help"], ["doctor", "--json"], ["lineage", "nothing", "--json"]])
def test_output_that_does_not_fit_on_the_disk_is_no_bug(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*INGOT, *arguments], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 5
    assert "the disk is full" in done.stderr
    assert "do now:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["plugins"], ["--help"], ["plugins", "--json"], ["build", ".", "--name", "a"]])
def test_nothing_is_said_to_a_reader_who_has_gone(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Some words of a text. " * 1000)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*INGOT, *arguments], stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    "command",
    [
        ["models"],
        ["artifacts"],
        ["lineage", "acme"],
        ["lineage", "acme-plan", "--down"],
        ["plugins"],
        ["plugins", "parser"],
        ["doctor"],
        ["gc"],
    ],
)
def test_json_is_one_object_a_line(command: list[str], ingot_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(ingot_home)
    plans = [add(home, "acme-plan", kind="Plan").reference for _ in range(2)]
    add(home, "acme", facts={"parameters": 1}, plan=plans[1])
    assert run([*command, "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_gc_says_of_each_piece_whether_it_went(ingot_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home(ingot_home)
    for _ in range(3):
        add(home, "acme-plan", kind="Plan")
    for arguments, is_deleted in ((["gc", "--json"], False), (["gc", "--json", "--delete"], True)):
        assert run(arguments) == 0
        pieces = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert {piece["what"]: piece["deleted"] for piece in pieces} == {f"acme-plan@{n}": is_deleted for n in (1, 2)}
    assert [plan.version for plan in home.versions("acme-plan")] == [3]
