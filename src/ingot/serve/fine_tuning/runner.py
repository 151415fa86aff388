"""Sees to fine-tuning jobs: begins the next when there is room, and notes how each one ends.

    queued --begin--> running --> succeeded (served under its name) | failed
      ^                  |
      '----- resume -- paused        any of these three: cancelled

A thread looks at all open jobs several times a second. Trainings live in processes of their own, so nothing is lost
when this server ends: the next one finds the records, and goes on with what was lost meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from ingot.core.errors import IngotError
from ingot.serve.fine_tuning.record import CANCELLED, FAILED, KIND, OPEN, PAUSED, QUEUED, RUNNING, SUCCEEDED
from ingot.serve.kept import FILE, file_record, new_id, now
from ingot.serve.ports import Principal, RunLauncher, Store, TrainingSeen
from ingot.serve.refusal import Refusal

_log = logging.getLogger(__name__)
_SECONDS_BETWEEN_LOOKS = 0.25
_MOST_TRIES = 5  # of a training that ends without a word, and without having got further


class JobRunner:
    """All fine-tuning jobs of one server, `at_once` of them training."""

    def __init__(self, store: Store, launcher: RunLauncher, at_once: int = 1) -> None:
        self.launcher = launcher
        self._store, self._at_once = store, at_once
        self._jobs: dict[str, dict[str, Any]] = {}  # those that are not over, or leave something to do
        self._tries: dict[str, tuple[int, int]] = {}  # by job: how often it was lost, and the step it was at then
        self._lock = threading.RLock()
        self.reading = asyncio.Semaphore(1)  # training files are read one at a time: the processor is for answers
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="fine-tuning", daemon=True)

    def start(self) -> None:
        """Serve what earlier jobs made, and go on with those that an earlier server left."""
        for _, record in sorted(self._store.everybody(KIND), key=lambda pair: str(pair[1]["created_at"])):
            if record["status"] == SUCCEEDED:
                self._publish_again(record)
            elif record["status"] in OPEN or not record["is_cleared"]:
                self._jobs[record["id"]] = record
        self._thread.start()

    def close(self) -> None:
        """Look no more; trainings go on."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def add(self, record: dict[str, Any], most: int) -> None:
        """Take a new job. Raises Refusal when its owner has `most` open ones already."""
        with self._lock:
            self.refuse_too_many(record["owner"], most)
            self._keep(record)
            self.launcher.tell(record["name"], "The job is in the queue")

    def refuse_too_many(self, owner: str, most: int) -> None:
        """Raise Refusal when an owner has `most` jobs that are not over."""
        own = [one for one in list(self._jobs.values()) if one["owner"] == owner and one["status"] in OPEN]
        if len(own) >= most:
            message = f"this key has {len(own)} fine-tuning jobs that are not over, and may have {most}"
            raise Refusal(429, f"{message}: wait for one", code="rate_limit_exceeded", retry_after=60)

    def change(self, job: Mapping[str, Any], status: str) -> dict[str, Any]:
        """Pause, resume or cancel a job. Raises Refusal when it is in no state for that."""
        allowed = {PAUSED: {QUEUED, RUNNING}, QUEUED: {PAUSED}, CANCELLED: OPEN}[status]
        with self._lock:
            record = self._jobs.get(job["id"], dict(job))
            if record["status"] not in allowed:
                done = {PAUSED: "paused", QUEUED: "resumed", CANCELLED: "cancelled"}[status]
                message = f"the job {record['id']} is {record['status']}: it cannot be {done}"
                raise Refusal(400, message, param="id", code="invalid_job_state")
            record = {**record, "status": status, "finished_at": now() if status == CANCELLED else None}
            self._keep(record)
            self.launcher.tell(record["name"], _CHANGED[status])
            if status != QUEUED:
                self.launcher.stop(record["name"])
        return record

    def _work(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN_LOOKS):
            try:
                self._look()
            except Exception:
                _log.exception("looking after fine-tuning jobs failed; it is tried again")

    def _look(self) -> None:
        with self._lock:
            jobs = list(self._jobs.values())
            states = {job["id"]: self.launcher.look(job["name"]) for job in jobs}
            busy = sum(seen.status == "running" for seen in states.values())
            for job in jobs:
                seen = states[job["id"]]
                try:
                    if job["status"] == QUEUED and seen.status != "running" and busy < self._at_once:
                        busy += 1
                        self._begin(job)
                    else:
                        self._see_to(job, seen)
                except (IngotError, OSError, Refusal):
                    _log.exception("looking after %s failed; it is tried again", job["id"])

    def _see_to(self, job: Mapping[str, Any], seen: TrainingSeen) -> None:
        if seen.status == "running":
            if job["status"] in (PAUSED, CANCELLED):
                self.launcher.stop(job["name"])
        elif job["status"] == RUNNING:
            self._ended_as(job, seen)
        elif job["status"] in (CANCELLED, FAILED, SUCCEEDED):
            self._clear(job)

    def _ended_as(self, job: Mapping[str, Any], seen: TrainingSeen) -> None:
        if seen.status == "finished":
            self._succeed({**job, "trained_tokens": seen.trained_tokens})
        elif seen.status == "failed":
            self._fail(job, seen.error, "training_failed")
        elif seen.status == "stopped":
            self._keep({**job, "status": PAUSED})
            self.launcher.tell(job["name"], "The training was stopped on the machine it runs on", "warn")
        elif self._times_lost(job) > _MOST_TRIES:
            self._fail(job, f"the training ended {_MOST_TRIES} times without a word", "training_failed")
        else:
            self.launcher.tell(job["name"], "The training was interrupted and goes on", "warn")
            self._begin(job)

    def _times_lost(self, job: Mapping[str, Any]) -> int:
        """Count one more loss of a training; what was lost before it got further is forgotten."""
        reached = max((point.step for point in self.launcher.points(job["name"])), default=0)
        times, before = self._tries.get(job["id"], (0, reached))
        self._tries[job["id"]] = (1 if reached > before else times + 1, reached)
        return self._tries[job["id"]][0]

    def _begin(self, job: Mapping[str, Any]) -> None:
        self._keep({**job, "status": RUNNING})
        self.launcher.begin(job["name"])

    def _succeed(self, job: Mapping[str, Any]) -> None:
        try:
            self.launcher.publish(job["name"], job["owner"], is_new=True)
        except (IngotError, OSError) as error:
            _log.exception("the model %s cannot be served", job["name"])
            self._fail(job, f"the model was trained and cannot be served: {error}".splitlines()[0], "not_served")
            return
        results = self._results(job)
        self.launcher.tell(job["name"], f"The job is done: the model {job['name']} answers")
        self._keep({**job, "status": SUCCEEDED, "finished_at": now(), "result_files": results})
        self._clear(self._jobs[job["id"]])

    def _fail(self, job: Mapping[str, Any], why: str, code: str) -> None:
        error = {"code": code, "message": why, "param": None}
        self.launcher.tell(job["name"], f"The job failed: {why}", "error")
        self.launcher.tell(job["name"], "A job that failed cannot go on: what it made so far is dropped")
        self._keep({**job, "status": FAILED, "finished_at": now(), "error": error})
        self._clear(self._jobs[job["id"]])

    def _results(self, job: Mapping[str, Any]) -> list[str]:
        content, file_id = self.launcher.results(job["name"]), new_id("file-")
        try:
            size = self._store.write(job["owner"], file_id, BytesIO(content))
            record = file_record(file_id, "step_metrics.csv", "fine-tune-results", size)
            self._store.put(job["owner"], FILE, file_id, record)
        except Refusal as refusal:  # the model counts, not the table
            self.launcher.tell(job["name"], f"The curve is not kept as a file: {refusal.message}", "warn")
            return []
        return [file_id]

    def _publish_again(self, record: Mapping[str, Any]) -> None:
        try:
            self.launcher.publish(record["name"], record["owner"], is_new=False)
        except (IngotError, OSError):
            _log.exception("the model %s of an earlier job is not served", record["name"])

    def _clear(self, job: Mapping[str, Any]) -> None:
        self.launcher.clear(job["name"], job["status"] == SUCCEEDED)
        self._keep({**job, "is_cleared": True})
        del self._jobs[job["id"]]
        self._tries.pop(job["id"], None)

    def _keep(self, record: dict[str, Any]) -> None:
        self._store.put(record["owner"], KIND, record["id"], record)
        self._jobs[record["id"]] = record


def may_train(caller: Principal) -> int:
    """Return how many jobs a caller may have at once. Raises Refusal 403 for none."""
    if not caller.quota.training_jobs:
        message = "this key may not train: whoever runs the server allows it with training_jobs=1 in the key file"
        raise Refusal(403, message, code="insufficient_permissions")
    return caller.quota.training_jobs


_CHANGED = {
    PAUSED: "The job is paused: what was trained is saved",
    QUEUED: "The job is resumed and in the queue",
    CANCELLED: "The job is cancelled",
}
