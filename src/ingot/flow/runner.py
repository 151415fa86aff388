"""Make every artifact of a recipe exactly once.

For each step, parents first: work out its fingerprint; if an artifact of that name has it, reuse it; else take the
name's lock, look again (another run may have made it meanwhile), run the step through an executor into a work folder,
and commit folder and record in one rename. Nothing else has to be remembered: after kill -9, running the same recipe
again finds the finished artifacts and the resumable step's folder, and goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from filelock import BaseFileLock, Timeout

from ingot.core import plugins
from ingot.core.errors import KilledError
from ingot.core.events import Emit, EventLog, Sink, emitter
from ingot.core.hardware import usable_cores
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.planning import Planned, plan_step
from ingot.flow.request import StepExecutor
from ingot.flow.runs import RunRecord, StepStatus, finish_run, start_run, update_run
from ingot.flow.step import Facts, Step, in_order
from ingot.flow.work import Work, now

_LOCK_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Options:
    """How to run, never what: the executor, cores (0 = all), steps to redo although they exist, the command line."""

    executor: str = "local"
    cores: int = 0
    redo: frozenset[str] = frozenset()
    command: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a run made or found: artifacts by step name, and the names of the steps that were reused."""

    run: RunRecord
    artifacts: Mapping[str, Artifact]
    reused: tuple[str, ...] = ()


def run(targets: Sequence[Step], home: Home, options: Options | None = None, sinks: Sequence[Sink] = ()) -> Outcome:
    """Make the targets and everything they need; return their artifacts.

    Raises what a step raised; the run's record then says `failed`, and what was finished stays.
    """
    options = options or Options()
    steps = in_order(targets)
    home.create()
    record = start_run(home, options.command, [step.name for step in steps])
    log = EventLog(home.runs_path / record.id / "events.jsonl")
    try:
        return _Runner(home, options, record, (*sinks, log)).run(steps)
    except BaseException as error:
        finish_run(home, record.id, "interrupted" if isinstance(error, KeyboardInterrupt) else "failed", str(error))
        raise
    finally:
        log.close()


@dataclass
class _Runner:
    """One run: what is made so far, and how each next step is planned, found or made."""

    home: Home
    options: Options
    record: RunRecord
    sinks: Sequence[Sink]
    made: dict[str, Artifact] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)

    def run(self, steps: Sequence[Step]) -> Outcome:
        emit = self._emitter()
        emit("run", status="started", steps=[step.name for step in steps], command=self.options.command)
        for step in steps:
            self.made[step.name] = self._provide(step)
        finished = finish_run(self.home, self.record.id, "finished", "")
        emit("run", status="finished", reused=self.reused)
        return Outcome(finished, self.made, tuple(self.reused))

    def _provide(self, step: Step) -> Artifact:
        """Return the step's artifact, found or made, and report which."""
        planned = plan_step(step, self.made, self.home)
        artifact, status = self._find(planned), "reused"
        if artifact is None:
            artifact, status = self._make_alone(planned)
        if status == "reused":
            self.reused.append(step.name)
        self._report(step, status, artifact)
        return artifact

    def _make_alone(self, planned: Planned) -> tuple[Artifact, str]:
        """Make the step's artifact while holding its name's lock; whoever waited takes what the other one made."""
        step = planned.step
        lock = self.home.lock(step.artifact)
        self._acquire(lock, step)
        try:
            found = self._find(planned)
            if found is not None:
                return found, "reused"
            self.home.hold(step.artifact, f"run {self.record.id}")
            return self._make(planned), "made"
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
            lock.acquire(poll_interval=_LOCK_POLL_SECONDS)

    def _make(self, planned: Planned) -> Artifact:
        step = planned.step
        emit = self._emitter(step)
        update_run(self.home, self.record.id, StepStatus(step.name, "running", ""))
        emit("step", status="started")
        work = Work(self.home, planned, self.options.cores or usable_cores(), self.options.executor)
        started = now()
        facts = self._attempt(work, emit, step.retries)
        return work.commit(facts, started, self.record.id)

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

    def _report(self, step: Step, status: str, artifact: Artifact) -> None:
        update_run(self.home, self.record.id, StepStatus(step.name, status, artifact.reference))
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
        return emitter(self.record.id, step.name if step else "", *self.sinks)
