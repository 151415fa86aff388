"""One training in a process of its own: `python -m ingot.serve.local.trainer FOLDER`, with what FOLDER orders.

It makes a run like any other of the home, so it is listed, watched and stopped by its id, and goes on where it was when
it is started again. Answers go first: it takes the time that they leave. Nobody else can work on the same folder.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from ingot.core.allowance import Allowance
from ingot.core.errors import IngotError
from ingot.core.events import Event
from ingot.core.storage import write_atomically
from ingot.flow.home import Home
from ingot.flow.runner import Options, run
from ingot.recipes.fine_tune import Choices, fine_tune
from ingot.registry.files import FileStore
from ingot.serve.local.story import Story
from ingot.serve.ports import TrainingOrder

TRAININGS = "trainings"  # of a home: a folder for each
ORDER, RUNS, LOCK = "order.json", "runs.txt", "training.lock"
CONVERSATIONS, VALIDATION = "conversations.jsonl", "validation.jsonl"
_NICER = 10
_SECONDS_TO_LOCK = 5.0


def main(folder: Path) -> int:
    """Train until it is done, stopped or failed. Returns an exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started us may ignore it; it is how a run stops
    os.nice(_NICER)
    try:
        with FileLock(folder / LOCK).acquire(timeout=_SECONDS_TO_LOCK):
            train(folder)
    except Timeout:
        return 0  # it is at work already
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except IngotError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def train(folder: Path) -> None:
    """Make the model that a folder orders. Raises what the run raises."""
    home, order = Home(folder.parents[1]), read_order(folder)
    validation = folder / VALIDATION
    steps, given = fine_tune(
        order.name,
        FileStore(home).get(order.base),
        home,
        folder / CONVERSATIONS,
        validation if validation.exists() else None,
        Choices(order.epochs, order.batch_size, order.rate_factor, order.seed),
    )
    command = shlex.join([Path(sys.executable).name, "-m", __spec__.name, str(folder)])
    options = Options(command=command, allowance=Allowance(seconds=order.most_seconds))
    run(steps, home, options, [_Noted(folder), Story(folder)], given)


def read_order(folder: Path) -> TrainingOrder:
    """Return what a folder orders."""
    return TrainingOrder(**json.loads((folder / ORDER).read_text(encoding="utf-8")))


def write_order(folder: Path, order: TrainingOrder) -> None:
    """Keep an order."""
    write_atomically(folder / ORDER, json.dumps(asdict(order), indent=1) + "\n")


class _Noted:
    """A sink that writes down which run works on the folder."""

    def __init__(self, folder: Path) -> None:
        self._path, self._run = folder / RUNS, ""

    def __call__(self, event: Event) -> None:
        if event.run != self._run:
            self._run = event.run
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{event.run}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
