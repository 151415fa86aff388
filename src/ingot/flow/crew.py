"""Several processes that do one step together, each with a rank: started, followed, and ended as one.

A step that can be divided so asks its crew to run a second reference: every member is a process that runs it with the
same config and inputs, and a `place` that says which it is. What a member tells stands in a file of its own in the
step's scratch folder, so members may be anywhere that sees the home: on this machine, on a cluster's nodes, in a
scheduler's job. The facts are those of rank 0, and so are the events.

All members live or none: when one dies, or is not heard of for a minute (every member says something every two
seconds, whatever it is at), the others are ended and the step ends, naming the rank; it can then be tried again.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from ingot.core.energy import ESTIMATED, sum_of
from ingot.core.errors import IngotError, KilledError, StepError, from_fields
from ingot.core.events import Emit
from ingot.core.storage import write_atomically
from ingot.flow.request import Request
from ingot.flow.stopping import Stopping

SILENT_SECONDS = 60.0
_SECONDS_TO_START = 900.0  # of the first word: a scheduler's queue is waited for apart
_LOOK_EVERY_SECONDS = 0.1
# When one member dies the others soon complain of it: the reason is looked for among all that are heard by then.
_SECONDS_FOR_OTHERS = 2.0
# Told by every member, and by the step as the sum of all.
SPENT, SPENT_BY_CREW = "spent", "spent_by_crew"


@dataclass(frozen=True)
class Place:
    """Which member of a crew this process is, and where all meet: an address of torch.distributed's, or `env://`."""

    rank: int
    size: int
    meeting: str


@dataclass(frozen=True)
class CrewCall:
    """What members are started with, as a JSON file: the request, how many, where they meet, where they tell.

    A member that `watches` ends when its standard input closes, because whoever started it is gone.
    """

    request: Mapping[str, Any]
    size: int
    meeting: str
    folder: str
    watches: bool = True


@dataclass(frozen=True)
class Ended:
    """How a member ended: in words, none when all is well; killed from outside is worth another try."""

    words: str = ""
    is_killed: bool = False


class Members(Protocol):
    """Started members; `are_children` of this process, or run elsewhere."""

    @property
    def are_children(self) -> bool: ...

    def ended(self) -> Mapping[int, Ended]:
        """Return how members ended, by rank, of those that have."""

    def is_waiting(self) -> bool:
        """Say whether they wait for a scheduler to begin."""

    def ask(self) -> None:
        """Ask them to save what they are at and end."""

    def end(self) -> None:
        """End those that are left, and wait for it."""


Start = Callable[[CrewCall, Path], Members]


@dataclass(frozen=True)
class Crew:
    """How many processes the step may be divided among, and how; a `place` for those that are members.

    `settings` are handed on to whoever divides the work.
    """

    size: int = 1
    settings: Mapping[str, int] = field(default_factory=dict)
    place: Place | None = None
    start: Start | None = None
    request: Request | None = None
    emit: Emit = lambda *_, **__: None
    stopping: Stopping = field(default_factory=Stopping)
    silent_seconds: float = SILENT_SECONDS

    def run(self, reference: str) -> Mapping[str, Any]:
        """Run a reference on all members and return the facts of rank 0.

        Raises what a member raised, or KilledError when one died or is silent.
        """
        assert self.start is not None, "a crew of one is not started"
        assert self.request is not None, "members run a request"
        folder = Path(self.request.scratch) / f"crew-{uuid.uuid4().hex[:8]}"
        folder.mkdir(parents=True)
        request = replace(self.request, run=reference, cores=max(1, self.request.cores // self.size))
        call = CrewCall(asdict(request), self.size, "", str(folder))
        with self.stopping.minded():
            members = self.start(call, folder)
            try:
                return _Following(self, folder, members).facts()
            finally:
                members.end()
                if members.are_children:
                    # They are waited for now, and counted with this process.
                    self.emit(SPENT_BY_CREW, joules=0.0, method="")


def write_call(call: CrewCall, folder: Path) -> Path:
    """Write down what members are started with and return the file."""
    path = folder / "call.json"
    write_atomically(path, json.dumps(asdict(call)))
    return path


def told_in(folder: Path, rank: int) -> Path:
    """Return the file in which a member tells."""
    return folder / f"rank-{rank:05d}.jsonl"


class _Following:
    """Reads what members tell until all have ended, or one has ended badly."""

    def __init__(self, crew: Crew, folder: Path, members: Members) -> None:
        self._crew, self._folder, self._members = crew, folder, members
        self._read = [0] * crew.size
        self._heard = [time.monotonic()] * crew.size
        self._outcomes: dict[int, dict[str, Any]] = {}
        self._spent: dict[int, dict[str, Any]] = {}

    def facts(self) -> Mapping[str, Any]:
        asked = False
        while len(self._outcomes) < self._crew.size:
            self._listen()
            if self._failed() or self._silent():
                time.sleep(_SECONDS_FOR_OTHERS)
                self._listen()
                raise self._reason()
            if self._crew.stopping.is_asked() and not asked:
                asked = True
                self._members.ask()
            time.sleep(_LOOK_EVERY_SECONDS)
        if self._failed():
            raise self._reason()
        facts: Mapping[str, Any] = self._outcomes[0]["facts"]
        return facts

    def _listen(self) -> None:
        for rank in range(self._crew.size):
            with contextlib.suppress(FileNotFoundError), told_in(self._folder, rank).open("rb") as file:
                file.seek(self._read[rank])
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._read[rank] += len(line)
                    self._heard[rank] = time.monotonic()
                    self._take(rank, json.loads(line))
        if self._members.is_waiting():
            self._heard = [time.monotonic()] * self._crew.size

    def _take(self, rank: int, message: dict[str, Any]) -> None:
        if message["kind"] in ("facts", "error"):
            self._outcomes[rank] = message
        elif message["kind"] == SPENT:
            self._spent[rank] = message
            # A machine's counters count children with this process.
            if not self._members.are_children or message["method"] == ESTIMATED:
                joules = sum_of(told["joules"] for told in self._spent.values())
                self._crew.emit(SPENT_BY_CREW, joules=joules, method=message["method"])
        elif message["kind"] == "warning" or rank == 0:
            self._crew.emit(message.pop("kind"), **message)

    def _failed(self) -> bool:
        is_dead = any(end.words for rank, end in self._members.ended().items() if rank not in self._outcomes)
        return is_dead or any(outcome["kind"] == "error" for outcome in self._outcomes.values())

    def _silent(self) -> list[int]:
        now = time.monotonic()
        limits = [self._crew.silent_seconds if read else _SECONDS_TO_START for read in self._read]
        waiting = [rank for rank in range(self._crew.size) if rank not in self._outcomes]
        return [rank for rank in waiting if now - self._heard[rank] > limits[rank]]

    def _reason(self) -> IngotError:
        """Return why it ended: a member that was killed or is silent, before what the others say about that."""
        ended = {rank: end for rank, end in self._members.ended().items() if end.words and rank not in self._outcomes}
        size = self._crew.size
        for rank, end in sorted(ended.items()):
            if end.is_killed:
                return _lost(f"rank {rank} of {size} was killed from outside ({end.words})")
        if silent := self._silent():
            return _lost(f"rank {silent[0]} of {size} was not heard of for {self._crew.silent_seconds:.0f} seconds")
        errors = [from_fields(one) for _, one in sorted(self._outcomes.items()) if one["kind"] == "error"]
        # Who lost sight of a peer says less than who knows what happened to itself.
        for error in sorted(errors, key=lambda error: isinstance(error, KilledError)):
            return error
        rank, words = next((rank, end.words) for rank, end in sorted(ended.items()))
        return StepError(
            f"rank {rank} of {size} ended without a word ({words})",
            why="the log of the step has its last words",
            fix="run the same command again: it goes on from the last checkpoint",
        )


def _lost(what: str) -> KilledError:
    return KilledError(
        what,
        why="one process of a training cannot go on without the others",
        fix="run the same command again: it goes on from the last checkpoint, with fewer --processes if need be",
    )
