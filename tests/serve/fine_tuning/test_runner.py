"""What becomes of jobs, over a launcher whose trainings go as a test says; real ones are in routes/test_fine_tuning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.serve.fine_tuning.record import CANCELLED, KIND, PAUSED, QUEUED, made
from ingot.serve.fine_tuning.runner import JobRunner, may_train
from ingot.serve.local.store import FolderStore
from ingot.serve.ports import Principal, Quota, TrainingEvent, TrainingOrder, TrainingPoint, TrainingSeen
from ingot.serve.refusal import Refusal
from tests.serve.running import eventually

ADA = Principal("key-ada", Quota(training_jobs=3))


class Trainings:
    """A launcher that keeps what it was told, and says of a training what the test has put down."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.stopped: list[str] = []
        self.cleared: list[tuple[str, bool]] = []
        self.published: list[tuple[str, bool]] = []
        self.told: list[str] = []
        self.seen: dict[str, TrainingSeen] = {}
        self.step = 0
        self.is_broken = False

    def prepare(
        self,
        order: TrainingOrder,
        conversations: Iterable[Mapping[str, Any]],
        validation: Iterable[Mapping[str, Any]] | None,
    ) -> None: ...

    def begin(self, name: str) -> None:
        self.begun.append(name)
        self.seen.setdefault(name, TrainingSeen("running"))

    def stop(self, name: str) -> None:
        self.stopped.append(name)
        self.seen[name] = TrainingSeen("stopped")

    def look(self, name: str) -> TrainingSeen:
        return self.seen.get(name, TrainingSeen("lost"))

    def tell(self, name: str, message: str, level: str = "info") -> None:
        self.told.append(message)

    def events(self, name: str) -> list[TrainingEvent]:
        return []

    def points(self, name: str) -> list[TrainingPoint]:
        return [TrainingPoint(self.step, 0.0, False, {})]

    def results(self, name: str) -> bytes:
        return b"step,train_loss\n"

    def publish(self, name: str, principal: str, is_new: bool) -> None:
        if self.is_broken:
            raise InputError("the model gives no probabilities")
        self.published.append((name, is_new))

    def clear(self, name: str, is_finished: bool) -> None:
        self.cleared.append((name, is_finished))


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


@pytest.fixture
def trainings() -> Trainings:
    return Trainings()


@pytest.fixture
def runner(store: FolderStore, trainings: Trainings) -> Iterator[JobRunner]:
    runner = JobRunner(store, trainings)
    runner.start()
    yield runner
    runner.close()


def added(runner: JobRunner, name: str, caller: Principal = ADA) -> dict[str, Any]:
    order = TrainingOrder(name, "acme@1")
    record = made(f"ftjob-{name}", len(name), order, "acme", "file-1", None, {}, None, caller)
    runner.add(record, may_train(caller))
    return record


def status(store: FolderStore, job: Mapping[str, Any]) -> str:
    record = store.get(job["owner"], KIND, job["id"])
    assert record is not None
    return str(record["status"])


def test_one_trains_at_a_time_and_the_next_begins_when_it_is_over(
    runner: JobRunner, store: FolderStore, trainings: Trainings
) -> None:
    first, second = added(runner, "a"), added(runner, "bb")
    eventually(lambda: trainings.begun == ["a"])
    assert status(store, second) == QUEUED
    trainings.seen["a"] = TrainingSeen("finished", trained_tokens=7)
    eventually(lambda: status(store, first) == "succeeded" and trainings.begun == ["a", "bb"])
    eventually(lambda: trainings.cleared == [("a", True)])
    assert trainings.published == [("a", True)]
    record = store.get(ADA.id, KIND, first["id"])
    assert record is not None
    assert store.path(ADA.id, record["result_files"][0]) is not None


def test_what_is_lost_goes_on_as_long_as_it_gets_further(
    runner: JobRunner, store: FolderStore, trainings: Trainings
) -> None:
    job = added(runner, "a")
    eventually(lambda: trainings.begun == ["a"])
    trainings.seen["a"] = TrainingSeen("lost")
    eventually(lambda: trainings.cleared == [("a", False)])
    assert (status(store, job), len(trainings.begun)) == ("failed", 6)
    other = added(runner, "bb")
    eventually(lambda: trainings.begun[6:] == ["bb"])
    for step in range(1, 9):
        trainings.step = step
        begun = len(trainings.begun)
        trainings.seen["bb"] = TrainingSeen("lost")
        eventually(lambda begun=begun: len(trainings.begun) > begun)  # type: ignore[misc]  # bound early on purpose
        trainings.seen["bb"] = TrainingSeen("running")
    assert status(store, other) == "running"


def test_a_training_that_its_operator_stops_is_paused_and_resumed(
    runner: JobRunner, store: FolderStore, trainings: Trainings
) -> None:
    job = added(runner, "a")
    eventually(lambda: status(store, job) == "running")
    trainings.seen["a"] = TrainingSeen("stopped")
    eventually(lambda: status(store, job) == PAUSED)
    del trainings.seen["a"]
    assert runner.change(job, QUEUED)["status"] == QUEUED
    eventually(lambda: trainings.begun == ["a", "a"])
    with pytest.raises(Refusal, match="cannot be resumed"):
        runner.change(job, QUEUED)
    assert runner.change(job, CANCELLED)["finished_at"]
    eventually(lambda: trainings.cleared == [("a", False)])
    assert trainings.stopped == ["a"]


def test_a_model_that_does_not_answer_is_a_failed_job(
    runner: JobRunner, store: FolderStore, trainings: Trainings
) -> None:
    trainings.is_broken = True
    job = added(runner, "a")
    eventually(lambda: trainings.begun == ["a"])
    trainings.seen["a"] = TrainingSeen("finished")
    eventually(lambda: status(store, job) == "failed")
    record = store.get(ADA.id, KIND, job["id"])
    assert record is not None
    assert record["error"]["code"] == "not_served"
    assert "no probabilities" in record["error"]["message"]


def test_the_next_server_serves_what_was_made_and_goes_on(store: FolderStore, trainings: Trainings) -> None:
    before = JobRunner(store, trainings)
    before.start()
    done, open_job = added(before, "a"), added(before, "bb")
    eventually(lambda: trainings.begun == ["a"])
    trainings.seen["a"] = TrainingSeen("finished")
    eventually(lambda: trainings.begun == ["a", "bb"])
    before.close()
    trainings.seen["bb"] = TrainingSeen("lost")
    after = JobRunner(store, trainings)
    after.start()
    assert trainings.published == [("a", True), ("a", False)]
    eventually(lambda: trainings.begun[2:3] == ["bb"])
    after.close()
    assert (status(store, done), status(store, open_job)) == ("succeeded", "running")


def test_only_whom_the_key_file_allows_may_train_and_so_much(runner: JobRunner) -> None:
    with pytest.raises(Refusal, match="training_jobs") as caught:
        may_train(Principal("key-bob"))
    assert caught.value.status == 403
    for name in ("a", "bb", "ccc"):
        added(runner, name)
    with pytest.raises(Refusal, match="may have 3"):
        added(runner, "dddd")
    added(runner, "eeeee", Principal("key-eve", Quota(training_jobs=1)))
