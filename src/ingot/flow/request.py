"""What an executor is asked to run, and what comes back: plain data that can cross any process boundary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ingot.core.events import Emit


@dataclass(frozen=True)
class Request:
    """One step to run: its reference, config literals, where its inputs lie, what its sources held, where to write."""

    step: str
    run: str
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    sources: Mapping[str, Mapping[str, Any]]
    folder: str
    scratch: str
    cores: int


class StepExecutor(Protocol):
    """A place that runs steps. Raises what the step raised, or StepError when it died without a word."""

    def run(self, request: Request, emit: Emit, log: Path) -> Mapping[str, Any]: ...
