"""The unfinished folder of one step: made ready for each attempt, priced while it runs, committed at the end."""

from __future__ import annotations

import contextlib
import getpass
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import Timeout

import ingot
from ingot.core.allowance import Allowance
from ingot.core.events import Emit
from ingot.core.storage import link_tree, remove_tree
from ingot.flow.artifact import RECORD_FILE, Artifact, FileEntry, Record
from ingot.flow.attempts import Spent, read_spent, write_spent
from ingot.flow.early import Writing
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
    unfinished: Mapping[str, Writing] = field(default_factory=dict)
    processes: int = 1
    parallel: Mapping[str, int] = field(default_factory=dict)
    allowance: Allowance = field(default_factory=Allowance)

    @property
    def _folder(self) -> Path:
        return _folder_of(self.planned, self.home)

    @property
    def request(self) -> Request:
        """What the executor is asked to run."""
        folder = self._folder
        return Request(
            step=self.planned.step.name,
            run=self.planned.step.run,
            config=self.planned.config,
            inputs={name: str(self._place(name, artifact)) for name, artifact in self.planned.inputs.items()},
            sources={name: snapshot.as_literals() for name, snapshot in self.planned.snapshots.items()},
            folder=str(folder),
            scratch=str(self._scratch),
            cores=self.cores,
            executor=self.executor,
            earlier=self._earlier,
            processes=self.processes,
            parallel=self.parallel,
            unfinished={name: asdict(writing.expected.record) for name, writing in self.unfinished.items()},
            allowance=asdict(self._left),
        )

    @property
    def _left(self) -> Allowance:
        before = read_spent(self._spent_path)
        return replace(self.allowance, spent_seconds=before.seconds, spent_joules=before.joules)

    @property
    def _scratch(self) -> Path:
        return _scratch_of(self._folder)

    def _place(self, name: str, artifact: Artifact) -> Path:
        """Return where an input is read; one that is still being written, through a link."""
        return self._scratch / "inputs" / name if name in self.unfinished else artifact.path

    @property
    def _earlier(self) -> str:
        versions = self.home.versions(self.planned.step.artifact)
        return str(versions[-1].path) if versions else ""

    def prepare(self) -> None:
        """Make the folder ready for an attempt: as it was left when the step can resume, else empty."""
        folder = self._folder
        if not self.planned.step.is_resumable:
            remove_tree(folder)
        remove_tree(self._scratch)
        folder.mkdir(exist_ok=True)
        # A run killed between writing the record and naming the artifact leaves one behind.
        (folder / RECORD_FILE).unlink(missing_ok=True)
        self._scratch.mkdir()
        for name, writing in self.unfinished.items():
            writing.link(self._scratch / "inputs" / name)

    def watching(self, emit: Emit) -> Emit:
        """Return an emit that also keeps what was spent, so that an interrupted attempt still counts."""
        before = read_spent(self._spent_path)

        def watch(kind: str, /, **fields: Any) -> None:
            if kind == "spent":
                write_spent(self._spent_path, before + Spent(**fields))
            emit(kind, **fields)

        return watch

    def expected(self, started: str, run_id: str) -> Artifact:
        """Return the unfinished folder with the record it will have, as far as that is known."""
        return Artifact(self._folder, self._record({}, {}, started, run_id))

    def commit(self, facts: Mapping[str, Any], started: str, run_id: str, is_read: bool = False) -> Artifact:
        """Record the finished folder and give it its name and version; one that `is_read` stays under its old name."""
        folder = self._folder
        record = self._record(facts, describe_files(folder), started, run_id)
        if is_read:
            second = folder.with_name(f".{folder.name}.linked")
            remove_tree(second)
            link_tree(folder, second)
            artifact = self.home.commit(second, record)
        else:
            artifact = self.home.commit(folder, record)
        _remove_beside(folder)
        return artifact

    @property
    def _spent_path(self) -> Path:
        return _spent_path_of(self._folder)

    def _record(self, facts: Mapping[str, Any], files: Mapping[str, FileEntry], started: str, run_id: str) -> Record:
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
            files=files,
            made_by={"user": _user(), "machine": platform.node(), "platform": platform.platform()},
            code={"ingot": ingot.__version__, "python": sys.version.split()[0]},
            started=started,
            finished=now(),
            seconds=spent.seconds,
            joules=spent.joules,
            energy_method=spent.method,
            run_id=run_id,
        )


def remove_left_over(home: Home, planned: Planned) -> None:
    """Remove the work folders of a finished artifact: a run that is killed while it commits leaves some behind."""
    folder = _folder_of(planned, home)
    if not any(left.exists() for left in (folder, *_beside(folder))):
        return
    lock = home.lock(planned.step.artifact)
    with contextlib.suppress(Timeout), lock.acquire(timeout=0):
        remove_tree(folder)
        _remove_beside(folder)


def _remove_beside(folder: Path) -> None:
    scratch, *files = _beside(folder)
    remove_tree(scratch)
    for left in files:
        left.unlink(missing_ok=True)


def _beside(folder: Path) -> tuple[Path, ...]:
    """Return what lies beside a work folder while its step is made."""
    return _scratch_of(folder), _spent_path_of(folder), folder.with_name(f"{folder.name}.lock")


def _scratch_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.scratch")


def _spent_path_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.spent.json")


def _folder_of(planned: Planned, home: Home) -> Path:
    return home.work_path / f"{planned.step.artifact}.{planned.fingerprint}"


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
