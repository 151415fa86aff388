"""`ingot`: one command, its subcommands loaded only when they are used, and one place where errors become words.

The table of commands is data so that `ingot --help` imports nothing of any room.
"""

from __future__ import annotations

import errno
import os
import sys

import click

import ingot
from ingot.cli.show.printable import printable
from ingot.core.errors import IngotError, SpaceError, UsageError, suggest
from ingot.core.plugins import resolve
from ingot.core.secrets import offer_environment

# name -> (where it is, what it does)
COMMANDS: dict[str, tuple[str, str]] = {
    "build": ("ingot.cli.build:build", "Build a model of your own from folders of documents."),
    "chat": ("ingot.cli.chat:chat", "Talk to a model in the terminal."),
    "serve": ("ingot.cli.serve:serve", "Serve models to clients of OpenAI's and of Mistral's API."),
    "release": ("ingot.cli.release:release", "Say which version answers under a name: promote, canary, roll back."),
    "models": ("ingot.cli.listings:models", "List the models you own."),
    "runs": ("ingot.cli.listings:runs", "List runs, or show one."),
    "artifacts": ("ingot.cli.listings:artifacts", "List everything the runs have made."),
    "continue": ("ingot.cli.continuing:continue_model", "Go on from a model that exists, with documents of your own."),
    "adapt": ("ingot.cli.adapting:adapt", "Teach a model by conversations, in a few megabytes over its weights."),
    "align": ("ingot.cli.align:align", "Teach a model to answer, and which answers are better."),
    "import": ("ingot.cli.importing:import_folder", "Take in a model that others made, to go on training it."),
    "export": ("ingot.cli.export:export", "Write a model for other programs, with a certificate."),
    "verify": ("ingot.cli.verify:verify_command", "Check a model or an export against its record and certificate."),
    "data": ("ingot.cli.data:data", "Look into a dataset, try rules on it, erase a document for good."),
    "evaluate": ("ingot.cli.evaluate:evaluate", "Ask a model questions, and say how much it knows."),
    "audit": ("ingot.cli.audit:audit", "Say what a model knows by heart of its training text."),
    "compare": ("ingot.cli.compare:compare", "Hold two models that were asked the same against one another."),
    "gate": ("ingot.cli.gate:gate", "Judge a model before it takes the place of the one in use."),
    "evidence": ("ingot.cli.evidence:evidence", "Say what a model of your own is worth, beside every other way."),
    "index": ("ingot.cli.index:index_documents", "Make documents searchable, by their words and their meaning."),
    "find": ("ingot.cli.find:find", "Find the passages of documents that answer a question."),
    "lineage": ("ingot.cli.listings:lineage", "Show what a model was made from, back to the documents."),
    "run": ("ingot.cli.run:run", "Run a recipe file."),
    "plan": ("ingot.cli.planning:plan", "Say what a training would take: machines, memory, time, energy, money."),
    "search": ("ingot.cli.search:search", "Search settings of a training, with pruning; every trial is a run."),
    "plugins": ("ingot.cli.listings:plugins", "List what can be plugged in."),
    "doctor": ("ingot.cli.doctor:doctor", "Check this machine and the home folder."),
    "gc": ("ingot.cli.gc:gc", "Say what could be removed, and remove it with --delete."),
}
INTERRUPTED = 130
# What a shell reports for any program whose reader has gone (128 + SIGPIPE): the command may not have been finished.
UNREAD = 141
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_COMPLETION = "_INGOT_COMPLETE"  # set by the completion of a shell, which click answers


class LazyGroup(click.Group):
    """A command group that imports a command when it is called, and lists them all without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = resolve(COMMANDS[cmd_name][0])
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"there is no command {args[0]!r}: {suggest(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(ingot.__version__, prog_name="ingot")
def cli() -> None:
    """Build your own language model from your own documents, on your own machine.

    \b
    ingot build ./my-docs --name acme --time 10m
    ingot chat acme
    ingot serve acme
    """


def main() -> None:
    """Run the command line and end the process with a documented exit code."""
    # For chat and serve, which compute in this process; flow/executors/local.py says why.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    offer_environment(os.environ)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; every error is printed as words, never as a traceback."""
    try:
        code = _answer(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return UNREAD
    except Exception as error:
        if "--debug" in arguments:
            raise
        if isinstance(error, OSError) and error.errno in _NO_SPACE:
            # In words even with --json: those could not be written either.
            _print_error(_no_room(error), as_json=False)
            return SpaceError.exit_code
        # The last door: a bug of ours must still speak.
        bug = IngotError(f"ingot has a bug: {type(error).__name__}: {error}", fix="add --debug and report it")
        _print_error(bug, as_json="--json" in arguments)
        return 1


def _answer(arguments: list[str]) -> int:
    """Run one command line; what a person can act on is printed and becomes an exit code."""
    try:
        return _call(arguments)
    except click.ClickException as error:
        if "--json" in arguments:
            _print_error(_misused(error), as_json=True)
        else:
            error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nstopped; what was finished is kept, and the same command goes on from there", err=True)
        return INTERRUPTED
    except IngotError as error:
        if "--debug" in arguments:
            raise
        _print_error(error, as_json="--json" in arguments)
        return error.exit_code


def _call(arguments: list[str]) -> int:
    if os.environ.get(_COMPLETION):
        cli.main(args=arguments, prog_name="ingot")
    # Not `cli.main`: it would end the process with 1 as soon as the reader of our output (`| head`) has seen enough.
    try:
        with cli.make_context("ingot", list(arguments), obj=tuple(arguments)) as context:
            cli.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    return 0


def _misused(error: click.ClickException) -> UsageError:
    """Say a fault of the command line as every other one is said."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context is not None else "ingot"
    return UsageError(error.format_message(), where=command, fix=f"{command} --help")


def _no_room(error: OSError) -> SpaceError:
    return SpaceError(
        "the disk is full",
        where=str(error.filename or "where the output is sent to, or the home folder"),
        why="the rest could not be written; everything finished so far is kept",
        fix="free some space there (`ingot gc` says what the home could give), or send the output elsewhere",
    )


def _print_error(error: IngotError, as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps({"kind": "error", "exit_code": error.exit_code, **error.as_fields()}))
        return
    label = click.style("error", fg="red", bold=True)
    click.echo(f"{label}: {printable(str(error))}", err=True)


if __name__ == "__main__":
    main()
