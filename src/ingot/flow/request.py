"""What an executor is asked to run, and what comes back: plain data that can cross any process boundary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ingot.core.events import Emit
from ingot.flow.tasks import Pool

if TYPE_CHECKING:
    from ingot.flow.crew import CrewCall, Members


@dataclass(frozen=True)
class Request:
    """One step to run: its reference, config literals, where its inputs lie, what its sources held, where to write.

    `executor` is whom to ask for help with its pieces, `earlier` the folder of the version made last, if there is one.
    `processes` is how many a step that can be divided may be divided among, `parallel` how; neither changes the result.
    `unfinished` holds, for each input that is still being written, the record it will have, without facts and files.
    `allowance` is what the step may spend (core/allowance.py).
    """

    step: str
    run: str
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    sources: Mapping[str, Mapping[str, Any]]
    folder: str
    scratch: str
    cores: int
    executor: str = "local"
    earlier: str = ""
    processes: int = 1
    parallel: Mapping[str, int] = field(default_factory=dict)
    unfinished: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    allowance: Mapping[str, Any] = field(default_factory=dict)


class StepExecutor(Protocol):
    """A place that runs steps, and the pieces of steps.

    Where it `shares_environment` with the command, secrets may be named `env:NAME`; elsewhere they are files.

    `run` raises what the step raised, or StepError when it died without a word. `pool` and `start` (the members of a
    crew) are asked in the step's process.
    """

    @property
    def shares_environment(self) -> bool: ...

    def pool(self, cores: int) -> Pool: ...

    def start(self, call: CrewCall, folder: Path) -> Members: ...

    def run(self, request: Request, emit: Emit, log: Path) -> Mapping[str, Any]: ...
