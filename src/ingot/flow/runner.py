"""Make every artifact of a recipe exactly once.

For each step, parents first: work out its fingerprint; if an artifact of that name has it, reuse it; else take the
name's lock, look again (another run may have made it meanwhile), run the step through an executor into a work folder,
and commit folder and record in one rename. Nothing else has to be remembered: after kill -9, running the same recipe
again finds the finished artifacts and the resumable step's folder, and goes on.

Steps are made one after another, but for those that may begin while their input is being written (flow/early.py).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from filelock import BaseFileLock, Timeout

from ingot.core import plugins
from ingot.core.allowance import Allowance
from ingot.core.errors import KilledError
from ingot.core.events import Emit, EventLog, Sink, emitter, one_at_a_time
from ingot.core.hardware import usable_cores
from ingot.flow.artifact import Artifact
from ingot.flow.early import READABLE, Writing
from ingot.flow.home import Home
from ingot.flow.planning import Planned, plan_step
from ingot.flow.request import StepExecutor
from ingot.flow.runs import RunRecord, StepStatus, finish_run, start_run, update_run
from ingot.flow.step import Facts, Step, in_order
from ingot.flow.work import Work, now, remove_left_over

_LOCK_POLL_SECONDS = 0.2
_SECONDS_BETWEEN_LOOKS = 2.0

Made = tuple[Artifact, str]  # and how it came: `made` or `reused`


@dataclass(frozen=True)
class Options:
    """How to run, never what: the executor, cores (0 = all), steps to redo although they exist, the command line.

    A step that can be divided is divided among `processes`, as `parallel` says.

    With `overlaps`, steps begin to read while their input is written, where the recipe says they can. `allowance` is
    what each step may spend that can stop and go on later.
    """

    executor: str = "local"
    cores: int = 0
    redo: frozenset[str] = frozenset()
    command: str = ""
    overlaps: bool = False
    processes: int = 1
    parallel: Mapping[str, int] = field(default_factory=dict)
    allowance: Allowance = field(default_factory=Allowance)


@dataclass(frozen=True)
class Outcome:
    """What a run made or found: artifacts by step name, and the names of the steps that were reused."""

    run: RunRecord
    artifacts: Mapping[str, Artifact]
    reused: tuple[str, ...] = ()


def run(
    targets: Sequence[Step],
    home: Home,
    options: Options | None = None,
    sinks: Sequence[Sink] = (),
    given: Mapping[str, Artifact] = MappingProxyType({}),
) -> Outcome:
    """Make the targets and everything they need; return their artifacts.

    `given` holds, by step name, what is there already, however it was made: such a step is not run.

    Raises what a step raised; the run's record then says `failed`, and what was finished stays.
    """
    options = options or Options()
    steps = in_order(targets)
    home.create()
    record = start_run(home, options.command, [step.name for step in steps])
    log = EventLog(home.runs_path / record.id / "events.jsonl")
    try:
        return _Runner(home, options, record, one_at_a_time(*sinks, log), steps, given).run()
    except BaseException as error:
        finish_run(home, record.id, "interrupted" if isinstance(error, KeyboardInterrupt) else "failed", str(error))
        raise
    finally:
        log.close()


class _EndedError(Exception):
    """The run has ended, and with it a step that began early."""


@dataclass
class _Runner:
    """One run: what is made so far, and how each next step is planned, found or made."""

    home: Home
    options: Options
    record: RunRecord
    sink: Sink
    steps: Sequence[Step]
    given: Mapping[str, Artifact]
    made: dict[str, Artifact] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)
    early: dict[str, Future[Made]] = field(default_factory=dict)
    read_early: list[Writing] = field(default_factory=list)
    threads: ThreadPoolExecutor = field(init=False)
    stopping: threading.Event = field(default_factory=threading.Event)
    updating: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> Outcome:
        emit = self._emitter()
        emit("run", status="started", steps=[step.name for step in self.steps], command=self.options.command)
        with self._threads():
            for step in self.steps:
                self.made[step.name] = self._provide(step)
        finished = finish_run(self.home, self.record.id, "finished", "")
        emit("run", status="finished", reused=self.reused)
        return Outcome(finished, self.made, tuple(self.reused))

    @contextlib.contextmanager
    def _threads(self) -> Iterator[None]:
        """Give threads for steps that begin early; however the run ends, these end with it."""
        try:
            with ThreadPoolExecutor(len(self.steps)) as self.threads:
                try:
                    yield
                finally:
                    self.stopping.set()
        finally:
            for writing in self.read_early:
                writing.tidy()

    def _provide(self, step: Step) -> Artifact:
        """Return the step's artifact, found or made, and report which."""
        if step.name in self.given:
            artifact, status = self.given[step.name], "reused"
        else:
            artifact, status = self._begun_early(step) or self._find_or_make(plan_step(step, self.made, self.home))
        if status == "reused":
            self.reused.append(step.name)
        self._report(step, status, artifact)
        return artifact

    def _begun_early(self, step: Step) -> Made | None:
        begun = self.early.get(step.name)
        return begun.result() if begun else None

    def _find_or_make(self, planned: Planned, unfinished: Mapping[str, Writing] = MappingProxyType({})) -> Made:
        found = self._find(planned)
        if found is None:
            return self._make_alone(planned, unfinished)
        remove_left_over(self.home, planned)
        return found, "reused"

    def _make_alone(self, planned: Planned, unfinished: Mapping[str, Writing]) -> Made:
        """Make the step's artifact while holding its name's lock; whoever waited takes what the other one made."""
        step = planned.step
        lock = self.home.lock(step.artifact)
        self._acquire(lock, step)
        try:
            found = self._find(planned)
            if found is not None:
                return found, "reused"
            self.home.hold(step.artifact, f"run {self.record.id}")
            return self._make(planned, unfinished), "made"
        finally:
            lock.release()

    def _find(self, planned: Planned) -> Artifact | None:
        if planned.step.name in self.options.redo:
            return None
        return self.home.find(planned.step.artifact, planned.fingerprint)

    def _acquire(self, lock: BaseFileLock, step: Step) -> None:
        """Take the lock, saying who holds it when that takes time."""
        try:
            lock.acquire(timeout=0)
        except Timeout:
            text = f"waiting: {self.home.holder(step.artifact)} is making {step.artifact}"
            self._emitter(step)("note", text=text)
            while not lock.is_locked:
                self._check_stopping()
                with contextlib.suppress(Timeout):
                    lock.acquire(timeout=_SECONDS_BETWEEN_LOOKS, poll_interval=_LOCK_POLL_SECONDS)

    def _make(self, planned: Planned, unfinished: Mapping[str, Writing]) -> Artifact:
        step = planned.step
        emit = self._emitter(step)
        self._update(StepStatus(step.name, "running", ""))
        emit("step", status="started")
        options = self.options
        where = (options.processes, options.parallel, options.allowance)
        work = Work(self.home, planned, options.cores or usable_cores(), options.executor, unfinished, *where)
        started = now()
        writing = Writing(work.expected(started, self.record.id))
        try:
            facts = self._attempt(work, self._opening(writing, step, emit), step.retries)
            for other in unfinished.values():
                other.wait()  # nothing is recorded before what it was made from
            artifact = work.commit(facts, started, self.record.id, writing.is_read)
        except BaseException:
            writing.fail()
            raise
        writing.finish(artifact)
        return artifact

    def _opening(self, writing: Writing, step: Step, emit: Emit) -> Emit:
        """Return an emit that begins the steps which read this one early, and ends a step when the run does."""

        def open_or_emit(kind: str, /, **fields: Any) -> None:
            self._check_stopping()
            if kind != READABLE:
                emit(kind, **fields)
            elif self.options.overlaps and (readers := self._readers_of(step)):
                writing.is_read = True
                self.read_early.append(writing)
                begun = {
                    reader.name: self.threads.submit(self._make_early, reader, step, writing) for reader in readers
                }
                self.early.update(begun)

        return open_or_emit

    def _readers_of(self, writer: Step) -> list[Step]:
        """Return the steps that can begin now because `writer` is readable: everything else they need is there."""
        return [
            step
            for step in self.steps
            if any(step.inputs[name] is writer for name in step.reads_early)
            and all(parent is writer or parent.name in self.made for parent in step.parents)
            and step.name not in self.early
        ]

    def _make_early(self, step: Step, writer: Step, writing: Writing) -> Made:
        """Make a step beside the one that writes its input. What goes wrong is said at once, and raised in its turn."""
        try:
            planned = plan_step(step, {**self.made, writer.name: writing.expected}, self.home)
            read = [name for name in step.reads_early if step.inputs[name] is writer]
            return self._find_or_make(planned, dict.fromkeys(read, writing))
        except Exception as error:
            if not self.stopping.is_set():
                self._emitter(step)("warning", text=f"{error}; {writer.name} is finished first")
            raise

    def _check_stopping(self) -> None:
        if self.stopping.is_set():
            raise _EndedError

    def _attempt(self, work: Work, emit: Emit, retries: int) -> Facts:
        """Run the step; when its process was killed from outside, try again, at most `retries` times.

        A crash is not tried again: the same input would crash the same library.
        """
        executor: StepExecutor = plugins.load("executor", self.options.executor).entry()
        log = self.home.runs_path / self.record.id / f"{work.planned.step.name}.log"
        work.prepare()
        try:
            return executor.run(work.request, work.watching(emit), log)
        except KilledError as error:
            if retries == 0:
                raise
            emit("warning", text=f"{error.what}; trying again")
            return self._attempt(work, emit, retries - 1)

    def _update(self, status: StepStatus) -> None:
        with self.updating:
            update_run(self.home, self.record.id, status)

    def _report(self, step: Step, status: str, artifact: Artifact) -> None:
        self._update(StepStatus(step.name, status, artifact.reference))
        self._emitter(step)(
            "step",
            status=status,
            artifact=artifact.reference,
            facts=artifact.facts,
            seconds=artifact.record.seconds,
            joules=artifact.record.joules,
            method=artifact.record.energy_method,
        )

    def _emitter(self, step: Step | None = None) -> Emit:
        return emitter(self.record.id, step.name if step else "", self.sink)
