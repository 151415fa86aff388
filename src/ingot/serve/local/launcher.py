"""Fills the port `RunLauncher` with runs of a home folder, each in a process that outlives the server.

    <home>/trainings/<name>/   order.json, the examples while they are needed, story.jsonl, runs.txt, output.log

Whether a training lives is read from the record of its newest run, so another server, or one that was killed, sees the
same. A process that ended before it began a run has said why in output.log.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ingot.core.hardware import has_gpu
from ingot.core.storage import remove_tree, room_on_disk
from ingot.flow.home import Home, check_name
from ingot.flow.runs import read_run
from ingot.recipes.fine_tune import start_of
from ingot.registry.files import FileStore
from ingot.serve.local.fitting import check_memory, free_bytes
from ingot.serve.local.points import csv_of, points_of
from ingot.serve.local.story import STORY, read_story, tell
from ingot.serve.local.trainer import CONVERSATIONS, ORDER, RUNS, TRAININGS, VALIDATION, write_order
from ingot.serve.ports import TrainingEvent, TrainingOrder, TrainingPoint, TrainingSeen

OUTPUT = "output.log"
_PARTS = ("shards", "plan", "checkpoint")  # what a training makes on its way to the model
_LAST_WORDS = 2000
_INTERRUPTED = frozenset({-signal.SIGINT, 128 + signal.SIGINT})


@dataclass
class _Process:
    """A process that was started here, and how many runs there were before it."""

    popen: subprocess.Popen[bytes]
    runs_before: int


class HomeLauncher:
    """Trains in a home; `adopt` serves a finished model: it is told its name, whose it is, and whether it is new."""

    def __init__(self, home: Home, adopt: Callable[[str, str, bool], object]) -> None:
        self._home, self._adopt = home, adopt
        self._processes: dict[str, _Process] = {}
        self._asked: set[str] = set()

    def prepare(
        self,
        order: TrainingOrder,
        conversations: Iterable[Mapping[str, Any]],
        validation: Iterable[Mapping[str, Any]] | None,
    ) -> None:
        """Keep what a training needs."""
        start = start_of(FileStore(self._home).get(order.base), self._home)
        folder = self._folder(check_name(order.name))
        folder.mkdir(parents=True)
        try:
            with room_on_disk(folder):
                _write(folder / CONVERSATIONS, conversations)
                if not has_gpu():  # whose memory is not known here: what does not fit ends as a job that failed
                    check_memory(order, start, folder / CONVERSATIONS, free_bytes())
                if validation is not None:
                    _write(folder / VALIDATION, validation)
                write_order(folder, order)
        except BaseException:
            remove_tree(folder)
            raise

    def begin(self, name: str) -> None:
        """Begin a training in a session of its own, which no terminal and no server ends."""
        folder = self._folder(name)
        with (folder / OUTPUT).open("ab") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", "ingot.serve.local.trainer", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._processes[name] = _Process(popen, len(self._runs(name)))

    def stop(self, name: str) -> None:
        """Ask a training to save and end, once: a second time would take it at its word before it has saved."""
        runs = self._runs(name)
        started = self._processes.get(name)
        if started is not None and started.popen.poll() is None:
            target, mark = started.popen.pid, f"{name}/{started.popen.pid}"
        elif runs and (run := read_run(self._home, runs[-1])).status == "running":
            target, mark = run.process, run.id
        else:
            return
        if mark not in self._asked:
            self._asked.add(mark)
            with suppress(psutil.NoSuchProcess):
                psutil.Process(target).send_signal(signal.SIGINT)

    def look(self, name: str) -> TrainingSeen:
        """Say how a training is."""
        runs, started = self._runs(name), self._processes.get(name)
        if started is not None:
            code = started.popen.poll()
            if code is None:
                return TrainingSeen("running", ends_at=self._ends_at(name))
            if len(runs) == started.runs_before:
                return _without_run(code, self._folder(name) / OUTPUT)
        if not runs:
            return TrainingSeen("lost")
        run = read_run(self._home, runs[-1])
        if run.status == "running":
            return TrainingSeen("running", ends_at=self._ends_at(name))
        if run.status == "finished":
            return TrainingSeen("finished", trained_tokens=self._home.get(f"{name}-checkpoint").facts["tokens"])
        if run.status == "failed":
            return TrainingSeen("failed", (run.error.splitlines() or ["it ended without a word"])[0])
        return TrainingSeen("stopped" if run.finished else "lost")

    def tell(self, name: str, message: str, level: str = "info") -> None:
        """Add to what a training told."""
        tell(self._folder(name) / STORY, message, level)

    def events(self, name: str) -> list[TrainingEvent]:
        """Return what a training told, oldest first."""
        return read_story(self._folder(name) / STORY)

    def points(self, name: str) -> list[TrainingPoint]:
        """Return the states of the weights that are kept, oldest first."""
        return points_of(self._home, name)

    def results(self, name: str) -> bytes:
        """Return the curve of a finished training as CSV."""
        return csv_of(self._home, name)

    def publish(self, name: str, principal: str, is_new: bool) -> None:
        """Serve a finished model to its owner."""
        FileStore(self._home).get(name)
        self._adopt(name, principal, is_new)

    def clear(self, name: str, is_finished: bool) -> None:
        """Drop the examples, and without a model everything that was made of them."""
        folder = self._folder(name)
        for file in (CONVERSATIONS, VALIDATION):
            (folder / file).unlink(missing_ok=True)
        self._processes.pop(name, None)
        if is_finished:
            return
        (folder / ORDER).unlink(missing_ok=True)
        for part in (name, *(f"{name}-{part}" for part in _PARTS)):
            for left in self._home.work_path.glob(f"{part}.*"):
                remove_tree(left) if left.is_dir() else left.unlink(missing_ok=True)
            for suffix in ("lock", "holder"):
                (self._home.locks_path / f"{part}.{suffix}").unlink(missing_ok=True)
            remove_tree(self._home.artifacts_path / part)

    def close(self) -> None:
        """Let go of the processes; they train on."""
        for started in self._processes.values():
            if started.popen.poll() is None:
                started.popen.returncode = 0  # it is nobody's child any more, and nobody is to wait for it
        self._processes.clear()

    def _folder(self, name: str) -> Path:
        return self._home.path / TRAININGS / name

    def _runs(self, name: str) -> list[str]:
        path = self._folder(name) / RUNS
        return path.read_text(encoding="utf-8").split() if path.exists() else []

    def _ends_at(self, name: str) -> float | None:
        last = next((one for one in reversed(self.events(name)) if one.metrics is not None), None)
        if last is None or last.metrics is None or "seconds_left" not in last.metrics:
            return None
        return last.created + last.metrics["seconds_left"]


def _without_run(code: int, output: Path) -> TrainingSeen:
    if code in _INTERRUPTED:
        return TrainingSeen("stopped")
    # Another process was at it, or something ended it before it could say anything: it is begun again, a few times.
    if code <= 0:
        return TrainingSeen("lost")
    words = output.read_bytes()[-_LAST_WORDS:].decode("utf-8", errors="replace").strip().splitlines()
    return TrainingSeen("failed", next((line for line in words if not line.startswith(" ")), "it ended without a word"))


def _write(path: Path, examples: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for example in examples:
            file.write(json.dumps(example, ensure_ascii=False) + "\n")
