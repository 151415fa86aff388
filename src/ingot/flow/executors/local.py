"""Run each step in a child process of its own on this machine.

A step that crashes, leaks or loads a gigabyte of libraries costs the runner nothing. Events come back as lines through
a pipe; everything the step prints goes to its log. The child watches its standard input: when the runner dies, however
it dies, the pipe closes and the child ends itself, so an interrupted run leaves nobody writing.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from ingot.core.errors import KilledError, StepError, from_fields
from ingot.core.events import Emit
from ingot.core.hardware import KERNELS_KEPT, MEMORY_KEPT
from ingot.flow.crew import CrewCall, Ended, write_call
from ingot.flow.process_pool import ProcessPool
from ingot.flow.request import Request
from ingot.flow.stopping import GRACE_SECONDS

_LAST_LOG_LINES = 3
_SECONDS_TO_EXIT = 5.0
# Signals a process gets for what it did itself. Any other comes from outside: a person, the system short of memory.
CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS, signal.SIGTRAP}
)
# How faulthandler begins; the stack it prints below stays in the log.
_FATAL = "Fatal Python error"


@dataclass(frozen=True)
class Config:
    """The local executor has nothing to set: cores come with each request."""


class Executor:
    """Runs requests one after another, each in a fresh interpreter."""

    shares_environment = True  # children inherit the command's

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()

    def pool(self, cores: int) -> ProcessPool:
        """Return processes for the pieces of a step, one a core."""
        return ProcessPool(cores)

    def start(self, call: CrewCall, folder: Path) -> LocalMembers:
        """Start the members of a crew as processes of this machine, which end with this one."""
        return LocalMembers(call, folder)

    def run(self, request: Request, emit: Emit, log: Path) -> Mapping[str, Any]:
        """Run one request and return its facts."""
        with log.open("ab") as output:
            child, events = _start(request, output)
            try:
                outcome = _follow(events, emit)
                child.wait()
            finally:
                _end(child)
        if outcome is None:
            raise _died(request, child.returncode, log)
        if outcome["kind"] == "error":
            raise from_fields(outcome)
        facts: Mapping[str, Any] = outcome["facts"]
        return facts


class LocalMembers:
    """Members of a crew on this machine; they meet at a file."""

    are_children = True

    def __init__(self, call: CrewCall, folder: Path) -> None:
        path = write_call(replace(call, meeting=f"file://{folder.absolute()}/meeting"), folder)
        command = [sys.executable, "-X", "faulthandler", "-m", "ingot.flow.member", str(path)]
        environment = _environment(call.request["cores"])
        # Its output is the log of the step already.
        self._members = [
            subprocess.Popen([*command, str(rank)], stdin=subprocess.PIPE, env=environment) for rank in range(call.size)
        ]

    def ended(self) -> dict[int, Ended]:
        codes = {rank: member.poll() for rank, member in enumerate(self._members)}
        return {rank: _as_ended(code) for rank, code in codes.items() if code is not None}

    def is_waiting(self) -> bool:
        return False

    def ask(self) -> None:
        for member in self._members:
            member.send_signal(signal.SIGTERM)

    def end(self) -> None:
        for member in self._members:
            if member.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    member.stdin.close()
            # Without the others it has nothing to save any more; one that is stopped does not even hear of it.
            member.kill()
        for member in self._members:
            member.wait()


def _as_ended(code: int) -> Ended:
    if code >= 0:
        return Ended(f"exit code {code}" if code else "")
    return Ended(_signal_name(-code), -code not in CRASHES)


def _start(request: Request, output: IO[bytes]) -> tuple[subprocess.Popen[bytes], IO[str]]:
    read_end, write_end = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-m", "ingot.flow.worker", str(write_end)],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        pass_fds=(write_end,),
        env=_environment(request.cores),
    )
    os.close(write_end)
    assert child.stdin is not None
    # The request is one line; the pipe then stays open for as long as the runner lives.
    with contextlib.suppress(BrokenPipeError):  # a child that died at once says so by its exit code
        child.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
        child.stdin.flush()
    return child, os.fdopen(read_end, encoding="utf-8")


def _environment(cores: int) -> dict[str, str]:
    fixed = {
        # The same set order in every run, and no library that looks for a hub.
        "PYTHONHASHSEED": "0",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "true",
        "RAYON_NUM_THREADS": str(cores),
        "OMP_NUM_THREADS": str(cores),
        # Threads that wait by spinning starve one another as soon as anything else runs: with one other busy process
        # on two cores, training was 10 to 20 times slower than with threads that sleep (benchmarks/spine_threads.py).
        "OMP_WAIT_POLICY": "PASSIVE",
        **KERNELS_KEPT,
        "PYTHONUNBUFFERED": "1",
        "RAY_USAGE_STATS_ENABLED": "0",  # nothing reports anywhere
    }
    # A try lasts 40 seconds, and Ray makes 20 of them at a cluster that is gone: a quarter of an hour without a word.
    usual = {**MEMORY_KEPT, "RAY_NUM_REDIS_GET_RETRIES": "2"}
    return {**usual, **os.environ, **fixed}


def _follow(events: IO[str], emit: Emit) -> dict[str, Any] | None:
    """Pass events on until the child closes the pipe; return its last word (facts or error), if there was one."""
    outcome = None
    with events:
        for line in events:
            if not line.endswith("\n"):
                break  # killed in the middle of a word
            message = json.loads(line)
            if message["kind"] in ("facts", "error"):
                outcome = message
            else:
                emit(message.pop("kind"), **message)
    return outcome


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child: it does so itself when the pipe closes, perhaps saving what it is at, or it is killed."""
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
    try:
        child.wait(GRACE_SECONDS + _SECONDS_TO_EXIT)
    except subprocess.TimeoutExpired:
        pass
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _died(request: Request, code: int, log: Path) -> StepError:
    """Say how the child ended: it exited without a word, crashed, or was killed, which alone is worth another try."""
    step, words = f"step {request.step!r}", _last_words(log)
    fix = "run the same command again: finished steps are kept"
    if code >= 0:
        return StepError(f"{step} ended with exit code {code}", where=str(log), why=words, fix=fix)
    name = _signal_name(-code)
    if -code in CRASHES:
        why = f"a library it uses failed: {words or 'without a word'}"
        return StepError(
            f"{step} crashed ({name})", where=str(log), why=why, fix=f"{fix}; report it if it crashes again"
        )
    if -code == signal.SIGKILL:
        fix = "the system may have been out of memory: close other programs or take a smaller budget, then run again"
    return KilledError(f"{step} was killed from outside ({name})", where=str(log), why=words, fix=fix)


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last_fatal = max((number for number, line in enumerate(lines) if line.startswith(_FATAL)), default=len(lines) - 1)
    return " / ".join(lines[: last_fatal + 1][-_LAST_LOG_LINES:])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)  # real-time signals have no name
