"""What a fine-tuning job is, and how the API shows it, its events and its checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ingot.serve.ports import Principal, TrainingEvent, TrainingOrder, TrainingPoint

KIND: Final = "fine_tuning_job"
QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"
OPEN = frozenset({QUEUED, RUNNING, PAUSED})

Record = Mapping[str, Any]


def made(
    job_id: str,
    created: int,
    order: TrainingOrder,
    model: str,
    training_file: str,
    validation_file: str | None,
    hyperparameters: Mapping[str, Any],
    metadata: Mapping[str, str] | None,
    caller: Principal,
) -> dict[str, Any]:
    """Return the record of a new job; `model` is what the caller named."""
    return {
        "id": job_id,
        "created_at": created,
        "finished_at": None,
        "status": QUEUED,
        "name": order.name,
        "base": order.base,
        "model": model,
        "training_file": training_file,
        "validation_file": validation_file,
        "hyperparameters": dict(hyperparameters),
        "seed": order.seed,
        "metadata": dict(metadata) if metadata is not None else None,
        "owner": caller.id,
        "result_files": [],
        "trained_tokens": None,
        "error": None,
        "is_cleared": False,
    }


def as_openai(record: Record, ends_at: float | None = None) -> dict[str, Any]:
    """Return a job as `/v1/fine_tuning/jobs` shows it; `ends_at` is when it will probably be done."""
    hyperparameters = record["hyperparameters"]
    return {
        "id": record["id"],
        "object": "fine_tuning.job",
        "created_at": record["created_at"],
        "finished_at": record["finished_at"],
        "model": record["model"],
        "fine_tuned_model": record["name"] if record["status"] == SUCCEEDED else None,
        "organization_id": record["owner"],
        "status": record["status"],
        "training_file": record["training_file"],
        "validation_file": record["validation_file"],
        "hyperparameters": hyperparameters,
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "result_files": record["result_files"],
        "trained_tokens": record["trained_tokens"],
        "error": record["error"],
        "seed": record["seed"],
        "metadata": record["metadata"],
        "integrations": [],
        "estimated_finish": int(ends_at) if ends_at is not None and record["status"] == RUNNING else None,
    }


def events_as_openai(events: Sequence[TrainingEvent]) -> list[dict[str, Any]]:
    """Return events as the API lists them: newest first."""
    return [
        {
            "id": event.id,
            "object": "fine_tuning.job.event",
            "created_at": int(event.created),
            "level": event.level,
            "message": event.message,
            "type": "metrics" if event.metrics is not None else "message",
            "data": dict(event.metrics) if event.metrics is not None else {},
        }
        for event in reversed(events)
    ]


def points_as_openai(points: Sequence[TrainingPoint], record: Record) -> list[dict[str, Any]]:
    """Return checkpoints as the API lists them: newest first.

    The name of the finished model can be asked. That of another state says where the training goes on from.
    """
    return [
        {
            "id": f"ftckpt_{record['id'].removeprefix('ftjob-')}_{point.step}",
            "object": "fine_tuning.job.checkpoint",
            "created_at": int(point.created),
            "fine_tuned_model_checkpoint": record["name"] + ("" if point.is_model else f":step-{point.step}"),
            "fine_tuning_job_id": record["id"],
            "step_number": point.step,
            "metrics": dict(point.metrics),
        }
        for point in reversed(points)
    ]
