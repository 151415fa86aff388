"""Print the reference page of the command line, made from the commands themselves.

`make docs` writes it to docs/reference/cli.md; tests/docs fails when the page is not fresh.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from ingot.cli.main import COMMANDS, cli

HEADER = """# Commands

<!-- Made by docs/reference/cli_page.py from the commands themselves: change those, then run `make docs`. -->

Every command takes `--help`. How they end: [exit codes](exit-codes.md).

With `--json` a command prints JSON lines: each record (an event, a model, a check, an error) is one object on one line.
No records, no lines. Notes for people stay on standard error.
"""


def page() -> str:
    """Return the page as Markdown."""
    context = click.Context(cli, info_name="ingot")
    sections = [line for name in COMMANDS for line in section(context, cli, name)]
    return "\n".join([HEADER, *sections]).rstrip() + "\n"


def section(parent: click.Context, group: click.Group, name: str) -> Iterator[str]:
    """Yield the lines on one command: what it does, how it is called, its options; then the commands below it."""
    command = group.get_command(parent, name)
    assert command is not None, f"{name} is in the table of commands and nowhere else"
    context = click.Context(command, info_name=name, parent=parent)
    yield f"## {context.command_path}\n"
    yield f"```\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    yield paragraphs(inspect.cleandoc(command.help or "")) + "\n"
    yield "| option | meaning |\n| --- | --- |"
    yield from (f"| `{cell(names)}` | {cell(text)} |" for names, text in options(context))
    yield ""
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from section(context, command, below)


def options(context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield each option as it is typed, with its help."""
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            yield record


def paragraphs(text: str) -> str:
    """Return help text as Markdown: a block that click must not rewrap becomes a code block."""
    blocks = (block.strip() for block in text.split("\n\n"))
    return "\n\n".join(f"```\n{block[1:].strip()}\n```" if block.startswith("\b") else block for block in blocks)


def cell(text: str) -> str:
    """Return text fit for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
