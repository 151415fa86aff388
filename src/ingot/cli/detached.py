"""A run that outlives its terminal: the same command in a process and a session of its own.

A terminal that closes ends what belongs to its session (a hang-up); a process in a session of its own has no terminal.
What it would have printed goes to `output.log` beside the run's events. It is watched and stopped by its run's id, from
any terminal of this machine.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import psutil

from ingot.cli.show.display import open_display
from ingot.cli.show.json_lines import print_json_lines
from ingot.cli.wire import home_at, home_words
from ingot.core.errors import KilledError, StepError, UsageError
from ingot.core.events import EventTail
from ingot.flow.home import Home
from ingot.flow.runs import RunRecord, read_run
from ingot.flow.stopping import GRACE_SECONDS

F = TypeVar("F", bound=Callable[..., Any])

OUTPUT = "output.log"
_FLAG = "--detach"
_LOOK_EVERY_SECONDS = 0.1
# A training saves within the grace that it is given; processes then still have to end.
_SECONDS_TO_END = GRACE_SECONDS + 35.0


def detachable(command: F) -> F:
    """Add --detach to a command that makes a run; its function must take the shared options."""

    @click.option(_FLAG, is_flag=True, help="Go on without this terminal; says how to watch and stop it.")
    @functools.wraps(command)
    def as_asked(*given: Any, detach: bool, **options: Any) -> Any:
        if detach and not options.get("dry_run"):
            return start(options["home_path"], options["as_json"])
        return command(*given, **options)

    return as_asked  # type: ignore[return-value]  # as the command, with one option more


def start(home_path: str, as_json: bool) -> None:
    """Run this command line again without its terminal, wait until its run has an id, and say it.

    Ends with the other's exit code when it ends before it has begun a run, after its words.
    """
    home = home_at(home_path)
    home.create()
    typed: tuple[str, ...] = click.get_current_context().find_root().obj
    words = home.runs_path / f".starting-{os.getpid()}-{time.time_ns()}.log"
    known = {path.name for path in home.runs_path.iterdir()}
    process = _spawn([word for word in typed if word != _FLAG], words)
    try:
        run = _begun(process, home, known)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        words.unlink(missing_ok=True)
        raise
    if run is None:
        click.echo(words.read_text(encoding="utf-8", errors="replace"), nl=False, err=True)
        words.unlink()
        raise click.exceptions.Exit(process.returncode)
    process.returncode = 0  # it is nobody's child any more: without this Python would complain that nobody waits
    words.rename(home.runs_path / run.id / OUTPUT)
    _tell(run, home, home_words(home_path), as_json)


def follow(home: Home, run: RunRecord, as_json: bool) -> None:
    """Show a run's events, those that were and those that come, until it ends. Raises StepError when it ended badly."""
    tail = EventTail(home.runs_path / run.id / "events.jsonl")
    with open_display(as_json, title=run.command) as display:
        try:
            has_ended = False
            while not has_ended:
                has_ended = run.status != "running"  # as it was a moment ago: its last words come after its record
                for event in tail.new():
                    display.show(event)
                time.sleep(_LOOK_EVERY_SECONDS)
                run = read_run(home, run.id)
        except KeyboardInterrupt:
            display.say("no longer watching; the run goes on")
            return
    if run.status != "finished":
        raise StepError(
            f"run {run.id} ended: {run.status}",
            where=str(home.runs_path / run.id),
            why=run.error.splitlines()[0] if run.error else "",
            fix="run the same command again: it goes on from there",
        )


def stop(home: Home, run: RunRecord, as_json: bool) -> None:
    """Ask a run of this machine to save and end, as Ctrl-C does, and wait for it. Raises KilledError if it does not."""
    if run.status != "running":
        raise UsageError(f"run {run.id} is not running: it is {run.status}", fix="ingot runs lists those that are")
    if not as_json:
        click.echo(f"run {run.id} is asked to save what it is at, and to end")
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(run.process)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(_SECONDS_TO_END)
    run = read_run(home, run.id)
    if run.status == "running":
        raise KilledError(
            f"run {run.id} has not ended after {_SECONDS_TO_END:.0f} seconds",
            where=str(home.runs_path / run.id),
            fix=f"look at its logs there, or end process {run.process}: what is finished is kept",
        )
    if as_json:
        print_json_lines([{"kind": "stopped", "run": run.id, "status": run.status}])
    else:
        click.echo(f"it is {run.status}; the same command goes on from there:\n{run.command}")


def _spawn(arguments: list[str], words: Path) -> subprocess.Popen[bytes]:
    def listen() -> None:
        # Whoever started us may have been told to ignore it (nohup, a job of a script); it is how a run is stopped.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with words.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "ingot.cli.main", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=listen,
        )


def _begun(process: subprocess.Popen[bytes], home: Home, known: set[str]) -> RunRecord | None:
    """Wait for the run that a process begins, none of the `known`; None when it ended without one."""
    while True:
        has_ended = process.poll() is not None
        for path in home.runs_path.glob("*/run.json"):
            if path.parent.name not in known and (run := read_run(home, path.parent.name)).process == process.pid:
                return run
        if has_ended:
            return None
        time.sleep(_LOOK_EVERY_SECONDS)


def _tell(run: RunRecord, home: Home, at_home: str, as_json: bool) -> None:
    words = str(home.runs_path / run.id / OUTPUT)
    if as_json:
        print_json_lines([{"kind": "detached", "run": run.id, "process": run.process, "output": words}])
        return
    click.echo(
        f"run {run.id} goes on without this terminal\n"
        f"watch it:  ingot runs {run.id} --follow{at_home}\n"
        f"stop it:   ingot runs {run.id} --stop{at_home}\n"
        f"it writes: {words}"
    )
