"""Every command line in the documentation is one that Ingot, or the Makefile, understands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ingot.cli.main import COMMANDS, cli
from ingot.core import errors

_FENCE = re.compile(r"^```(?:sh|console|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:ingot|make) [^`]+)`")
_NOT_TYPED = re.compile(r"\s#\s.*$")


def command_lines(text: str) -> Iterator[str]:
    """Yield what a reader would type: `ingot ...` and `make ...`, in blocks and in sentences."""
    for block in _FENCE.findall(text):
        for line in block.splitlines():
            typed = _NOT_TYPED.sub("", line.removeprefix("$ ")).strip()
            if typed.startswith(("ingot ", "make ")):
                yield typed
    yield from _INLINE.findall(_FENCE.sub("", text))


def check_ingot(words: list[str]) -> None:
    """Parse a command line as `ingot` would, running nothing. Raises a click exception when it would be refused."""
    name, *arguments = words
    context = click.Context(cli, info_name="ingot")
    if name.startswith("-"):
        cli.make_parser(context).parse_args(args=words)
        return
    _, command, _ = cli.resolve_command(context, words)
    assert command is not None, name
    below = click.Context(command, info_name=name, parent=context)
    if isinstance(command, click.Group):
        name, command, arguments = command.resolve_command(below, arguments)
        below = click.Context(command, info_name=name, parent=below)
    values, rest, _ = command.make_parser(below).parse_args(args=list(arguments))
    assert not rest, f"{name} does not take {rest}"
    for parameter in command.params:
        # The files of an example are the reader's, and not here.
        is_path = isinstance(parameter.type, click.Path)
        if isinstance(parameter, click.Option) and parameter.name in values and not is_path:
            parameter.type_cast_value(below, values[parameter.name])


def targets(makefile: str) -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


def test_ingot_commands_are_understood(pages: list[Path]) -> None:
    lines = {line for page in pages for line in command_lines(page.read_text(encoding="utf-8"))}
    typed = sorted(line for line in lines if line.startswith("ingot "))
    assert len(typed) > 10
    for line in typed:
        if "..." not in line:
            check_ingot(shlex.split(line)[1:])


def test_make_targets_exist(pages: list[Path], repository: Path) -> None:
    known = targets((repository / "Makefile").read_text(encoding="utf-8"))
    for page in pages:
        for line in command_lines(page.read_text(encoding="utf-8")):
            if line.startswith("make ") and "..." not in line:
                wanted = [word for word in shlex.split(line)[1:] if "=" not in word]
                assert set(wanted) <= known, f"{page.name}: {line}"


def test_the_script_of_the_demo_is_understood(repository: Path) -> None:
    script = (repository / "examples/demo.sh").read_text(encoding="utf-8")
    lines = re.findall(r"^run ingot (.*)$", script, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        check_ingot([word for word in shlex.split(line) if not word.startswith("${left_out")])


def test_the_page_of_commands_is_fresh(repository: Path) -> None:
    # As `make docs` runs it: click keeps a command's help names from its first caller in a process.
    script = [sys.executable, "docs/reference/cli_page.py"]
    made = subprocess.run(script, cwd=repository, check=True, capture_output=True, text=True).stdout
    written = (repository / "docs/reference/cli.md").read_text(encoding="utf-8")
    assert written == made, "run `make docs`"
    assert all(f"## ingot {name}\n" in written for name in COMMANDS)


def test_the_page_of_exit_codes_is_true(repository: Path) -> None:
    text = (repository / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    written = {name: int(code) for code, name in re.findall(r"^\| (\d+) \| `(\w+)`", text, re.MULTILINE)}
    kinds = [errors.IngotError, *errors.IngotError.__subclasses__()]
    assert written == {kind.__name__: kind.exit_code for kind in kinds if kind.__module__ == errors.__name__}


@pytest.mark.parametrize(
    "line", ["ingot biuld ./docs --name a", "ingot build ./docs --nmae a", "ingot models --sedes 1"]
)
def test_a_wrong_command_is_found(line: str) -> None:
    with pytest.raises(click.UsageError):
        check_ingot(shlex.split(line)[1:])


def test_command_lines_are_found() -> None:
    text = "Type `ingot gc`.\n```sh\n$ ingot chat acme   # talk\nmake demo X=1\nls\n```\n`make test`\n"
    assert sorted(command_lines(text)) == ["ingot chat acme", "ingot gc", "make demo X=1", "make test"]
    assert targets("demo: a\n\tx\n.PHONY: demo\n$(A)/b: c\ntest-slow:\n") == {"demo", "test-slow"}
