"""The child process of the local executor: read one request, run its step, report, end.

    python -m ingot.flow.worker <descriptor to write events to>      (the request comes on standard input)

A thread waits for standard input to close, which happens when the parent is gone, and then ends this process: at once,
or after a moment if the step can save what it is at.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from filelock import FileLock

from ingot.core.allowance import Allowance
from ingot.core.config import load
from ingot.core.energy import Meter, sum_of
from ingot.core.plugins import load as load_plugin
from ingot.core.plugins import resolve
from ingot.core.secrets import offer_environment
from ingot.core.storage import remove_torn, room_on_disk
from ingot.flow.artifact import Artifact, Record, read_artifact
from ingot.flow.crew import SPENT_BY_CREW, Crew, Place
from ingot.flow.outcome import in_words
from ingot.flow.request import Request, StepExecutor
from ingot.flow.source import snapshot_from_literals
from ingot.flow.step import StepContext
from ingot.flow.stopping import GRACE_SECONDS, Stopping
from ingot.flow.tasks import Tasks

_SPENT_EVERY_SECONDS = 2.0
_PARENT_IS_GONE = 70


class Reporter:
    """Writes events to the parent, and every two seconds what has been spent so far."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe
        self._meter = Meter()
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._crew: Mapping[str, Any] = {"joules": 0.0, "method": ""}

    def emit(self, kind: str, /, **fields: Any) -> None:
        """Send one event; what a crew has spent is sent with what this process has."""
        with self._lock:
            if kind == SPENT_BY_CREW:
                self._crew = fields
            else:
                self._write({"kind": kind, **fields})

    def keep_telling(self) -> None:
        """Send what was spent every two seconds, also while the step has nothing to say."""
        while not self._pipe.closed:
            time.sleep(_SPENT_EVERY_SECONDS)
            with self._lock:
                if not self._pipe.closed:
                    self._write_spent()

    def close(self, last_word: Mapping[str, Any]) -> None:
        """Send what was spent and the outcome; nothing may follow."""
        with self._lock:
            self._write_spent()
            self._write(last_word)
            with contextlib.suppress(BrokenPipeError):
                self._pipe.close()

    def _write_spent(self) -> None:
        energy = self._meter.read()
        seconds = time.monotonic() - self._start
        joules = sum_of([energy.joules, self._crew["joules"]])
        method = self._crew["method"] or energy.method
        self._write({"kind": "spent", "seconds": seconds, "joules": joules, "method": method})

    def _write(self, message: Mapping[str, Any]) -> None:
        # Who no longer listens is gone, and this process is about to end, too: perhaps it is saving just now.
        with contextlib.suppress(BrokenPipeError):
            self._pipe.write(json.dumps(message, default=_as_plain) + "\n")
            self._pipe.flush()


def main() -> None:
    """Run the request on standard input."""
    reporter = Reporter(os.fdopen(int(sys.argv[1]), "w", encoding="utf-8"))
    request = Request(**json.loads(sys.stdin.buffer.readline()))
    stopping = Stopping()
    threading.Thread(target=end_with_parent, args=(stopping,), daemon=True).start()
    threading.Thread(target=reporter.keep_telling, daemon=True).start()
    # If the runner was killed a moment ago its child may still be on its last breath: one writer a folder.
    with FileLock(f"{request.folder}.lock"):
        remove_torn(Path(request.folder))  # a killed attempt's, which nobody would know
        reporter.close(_outcome(request, reporter, stopping))
    # Libraries' threads and exit hooks have nothing left to do that matters.
    os._exit(0)


def _outcome(request: Request, reporter: Reporter, stopping: Stopping) -> dict[str, Any]:
    try:
        return {"kind": "facts", "facts": dict(run_step(request, reporter.emit, stopping))}
    except Exception as error:
        return {"kind": "error", **in_words(error, f"step {request.step!r}", request.run).as_fields()}


def run_step(request: Request, emit: Any, stopping: Stopping, place: Place | None = None) -> Mapping[str, Any]:
    """Run a request in this process and return its facts; with a `place`, as a member of a crew."""
    function = resolve(request.run)
    executor: StepExecutor = load_plugin("executor", request.executor).entry()
    if executor.shares_environment:
        offer_environment({**os.environ})  # noqa: TID251 - handed on, no setting is read
    config_type = next(iter(typing.get_type_hints(function).values()))
    context = StepContext(
        folder=Path(request.folder),
        scratch=Path(request.scratch),
        cores=request.cores,
        emit=emit,
        tasks=Tasks(executor.pool, request.cores, emit, Path(request.earlier) if request.earlier else None),
        sources={name: snapshot_from_literals(literals) for name, literals in request.sources.items()},
        unfinished=frozenset(request.unfinished),
        stopping=stopping,
        crew=Crew(request.processes, request.parallel, place, executor.start, request, emit, stopping),
        allowance=Allowance(**request.allowance),
    )
    inputs = {name: _input(Path(path), request.unfinished.get(name)) for name, path in request.inputs.items()}
    with room_on_disk(context.folder):
        facts: Mapping[str, Any] = function(load(config_type, request.config, request.step), inputs, context)
    return facts


def _input(folder: Path, expected: Mapping[str, Any] | None) -> Artifact:
    return read_artifact(folder) if expected is None else Artifact(folder, Record(**expected))


def end_with_parent(stopping: Stopping) -> None:
    """End this process when its standard input closes: at once, or after a moment if the step can save."""
    while sys.stdin.buffer.read(1):
        pass
    if stopping.is_minded:
        stopping.ask()
        time.sleep(GRACE_SECONDS)
    os._exit(_PARENT_IS_GONE)


def _as_plain(value: Any) -> Any:
    """Return a numpy scalar or a path as a JSON literal."""
    return value.item() if hasattr(value, "item") else str(value)


if __name__ == "__main__":
    main()
