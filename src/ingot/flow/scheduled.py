"""Members of a crew inside a scheduler's job: submitted with its own command, asked after from time to time.

The job runs `torchrun` on every node, which starts the members; they meet as it tells them (`env://`). Nodes need this
version of Ingot at the same path and the home folder at the same path, where members read, write and tell. Everything
but the members runs where the command runs.

Settings of a cluster that no other program knows are read from `executors/NAME.yaml` in the home folder.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Protocol, TypeVar

from ingot.core.config import load
from ingot.core.errors import StepError, UsageError
from ingot.flow.crew import CrewCall, Ended, write_call
from ingot.flow.recipe_file import read_config

T = TypeVar("T")

WAITING, RUNNING, DONE = "waiting", "running", "done"
_SECONDS_BETWEEN_LOOKS = 5.0
_COMMAND_SECONDS = 60.0


class Job(Protocol):
    """A submitted job."""

    def state(self) -> str | Ended:
        """Return WAITING, RUNNING or DONE, or how it ended badly."""

    def ask(self) -> None:
        """Let its members know that they should save and end."""

    def cancel(self) -> None:
        """Take it back, whatever it is at."""


class JobMembers:
    """The members that a job runs."""

    are_children = False

    def __init__(self, job: Job, size: int, seconds_between_looks: float = _SECONDS_BETWEEN_LOOKS) -> None:
        self._job, self._size, self._pause = job, size, seconds_between_looks
        self._state: str | Ended = WAITING
        self._looked = 0.0

    def ended(self) -> Mapping[int, Ended]:
        state = self._look()
        if state in (WAITING, RUNNING):
            return {}
        return dict.fromkeys(range(self._size), Ended() if isinstance(state, str) else state)

    def is_waiting(self) -> bool:
        return self._look() == WAITING

    def ask(self) -> None:
        self._job.ask()

    def end(self) -> None:
        if self._look() != DONE:
            self._job.cancel()

    def _look(self) -> str | Ended:
        if time.monotonic() - self._looked > self._pause:
            self._state, self._looked = self._job.state(), time.monotonic()
        return self._state


def prepared(call: CrewCall, folder: Path) -> Path:
    """Write down what members of a job are started with; `torchrun` tells them where they meet."""
    return write_call(replace(call, meeting="env://", watches=False), folder)


def torchrun(call: Path, nodes: int, per_node: int, *where: str) -> str:
    """Return the shell command that starts a node's members; `where` says how nodes find one another."""
    python = quote(sys.executable)
    member = f'exec {python} -m ingot.flow.member {quote(str(call))} "$RANK"'
    sizes = (f"--nnodes={nodes}", f"--nproc-per-node={per_node}", "--max-restarts=0", *where)
    return f"{python} -m torch.distributed.run {' '.join(sizes)} --no-python bash -c {quote(member)}"


def nodes_for(size: int, per_node: int, executor: str) -> int:
    """Return how many nodes so many processes fill. Raises UsageError when one would be half empty."""
    if size % per_node:
        near = max(per_node, size // per_node * per_node)
        raise UsageError(
            f"{size} processes do not fill nodes of {per_node}",
            where=f"executors/{executor}.yaml, processes_per_node",
            fix=f"use --processes {near}, or a processes_per_node that divides {size}",
        )
    return size // per_node


def settings(config_type: type[T], scratch: str, executor: str) -> T:
    """Return what the home folder says about a cluster; the defaults where it says nothing."""
    home = Path(scratch).parent.parent
    path = home / "executors" / f"{executor}.yaml"
    return read_config(path, config_type) if path.exists() else load(config_type, {}, f"executors/{executor}.yaml")


def command(arguments: Sequence[str]) -> str:
    """Run a scheduler's command and return what it printed. Raises StepError when it is missing or fails."""
    if shutil.which(arguments[0]) is None:
        raise StepError(
            f"the command {arguments[0]} is not on this machine",
            where="PATH",
            why="a job is submitted with the scheduler's own command",
            fix="run this where jobs are submitted, a login node for example, or use --on local",
        )
    done = subprocess.run(list(arguments), capture_output=True, text=True, check=False, timeout=_COMMAND_SECONDS)
    if done.returncode:
        raise StepError(
            f"{arguments[0]} refused",
            where=" ".join(arguments),
            why=done.stderr.strip() or done.stdout.strip(),
            fix="correct what it names, then run the same command again",
        )
    return done.stdout
