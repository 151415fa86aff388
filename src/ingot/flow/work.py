"""The unfinished folder of one step: made ready for each attempt, priced while it runs, committed at the end."""

from __future__ import annotations

import getpass
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ingot
from ingot.core.events import Emit
from ingot.core.storage import remove_tree
from ingot.flow.artifact import RECORD_FILE, Artifact, Record
from ingot.flow.attempts import Spent, read_spent, write_spent
from ingot.flow.home import Home, describe_files
from ingot.flow.planning import Planned
from ingot.flow.request import Request
from ingot.flow.source import Snapshot


@dataclass
class Work:
    """The unfinished folder of one planned step, and what its attempts have cost."""

    home: Home
    planned: Planned
    cores: int
    executor: str

    @property
    def _folder(self) -> Path:
        return self.home.work_path / f"{self.planned.step.artifact}.{self.planned.fingerprint}"

    @property
    def request(self) -> Request:
        """What the executor is asked to run."""
        folder = self._folder
        return Request(
            step=self.planned.step.name,
            run=self.planned.step.run,
            config=self.planned.config,
            inputs={name: str(artifact.path) for name, artifact in self.planned.inputs.items()},
            sources={name: snapshot.as_literals() for name, snapshot in self.planned.snapshots.items()},
            folder=str(folder),
            scratch=f"{folder}.scratch",
            cores=self.cores,
            executor=self.executor,
            earlier=self._earlier,
        )

    @property
    def _earlier(self) -> str:
        versions = self.home.versions(self.planned.step.artifact)
        return str(versions[-1].path) if versions else ""

    def prepare(self) -> None:
        """Make the folder ready for an attempt: as it was left when the step can resume, else empty."""
        folder = self._folder
        if not self.planned.step.is_resumable:
            remove_tree(folder)
        scratch = folder.with_name(f"{folder.name}.scratch")
        remove_tree(scratch)
        folder.mkdir(exist_ok=True)
        # A run killed between writing the record and naming the artifact leaves one behind.
        (folder / RECORD_FILE).unlink(missing_ok=True)
        scratch.mkdir()

    def watching(self, emit: Emit) -> Emit:
        """Return an emit that also keeps what was spent, so that an interrupted attempt still counts."""
        before = read_spent(self._spent_path)

        def watch(kind: str, /, **fields: Any) -> None:
            if kind == "spent":
                write_spent(self._spent_path, before + Spent(**fields))
            emit(kind, **fields)

        return watch

    def commit(self, facts: Mapping[str, Any], started: str, run_id: str) -> Artifact:
        """Record the finished folder and give it its name and version."""
        folder = self._folder
        record = self._record(facts, started, run_id)
        artifact = self.home.commit(folder, record)
        remove_tree(folder.with_name(f"{folder.name}.scratch"))
        for left in (self._spent_path, folder.with_name(f"{folder.name}.lock")):
            left.unlink(missing_ok=True)
        return artifact

    @property
    def _spent_path(self) -> Path:
        return self._folder.with_name(f"{self._folder.name}.spent.json")

    def _record(self, facts: Mapping[str, Any], started: str, run_id: str) -> Record:
        planned, step = self.planned, self.planned.step
        spent = read_spent(self._spent_path)
        return Record(
            name=step.artifact,
            version=self.home.next_version(step.artifact),
            kind=step.kind,
            fingerprint=planned.fingerprint,
            step=step.name,
            run=step.run,
            step_version=step.version,
            config=planned.config,
            inputs={name: artifact.reference for name, artifact in planned.inputs.items()},
            input_fingerprints={name: artifact.fingerprint for name, artifact in planned.inputs.items()},
            decided_by=planned.decided_by,
            sources={name: _described(snapshot) for name, snapshot in planned.snapshots.items()},
            facts=dict(facts),
            files=describe_files(self._folder),
            made_by={"user": _user(), "machine": platform.node(), "platform": platform.platform()},
            code={"ingot": ingot.__version__, "python": sys.version.split()[0]},
            started=started,
            finished=now(),
            seconds=spent.seconds,
            joules=spent.joules,
            energy_method=spent.method,
            run_id=run_id,
        )


def _described(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "connector": snapshot.connector,
        "digest": snapshot.digest,
        "items": len(snapshot.items),
        "bytes": snapshot.bytes,
        "skipped": len(snapshot.skipped),
        "vanished": len(snapshot.vanished),
    }


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
