"""What a batch is, and how each API shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

KIND: Final = "batch"
WAITING, RUNNING, CANCELLING = "waiting", "running", "cancelling"
DONE, FAILED, EXPIRED, CANCELLED = "done", "failed", "expired", "cancelled"
OPEN = frozenset({WAITING, RUNNING, CANCELLING})

Record = Mapping[str, Any]

_OPENAI = {
    WAITING: "validating",
    RUNNING: "in_progress",
    CANCELLING: "cancelling",
    DONE: "completed",
    FAILED: "failed",
    EXPIRED: "expired",
    CANCELLED: "cancelled",
}
_MISTRAL = {
    WAITING: "QUEUED",
    RUNNING: "RUNNING",
    CANCELLING: "CANCELLATION_REQUESTED",
    DONE: "SUCCESS",
    FAILED: "FAILED",
    EXPIRED: "TIMEOUT_EXCEEDED",
    CANCELLED: "CANCELLED",
}


def made(
    batch_id: str, created: int, endpoint: str, dialect: str, files: list[str], seconds: float, **more: Any
) -> dict[str, Any]:
    """Return the record of a new batch; `files` hold its requests, and it may take so many seconds."""
    return {
        "id": batch_id,
        "created_at": created,
        "endpoint": endpoint,
        "dialect": dialect,
        "input_files": files,
        "seconds": seconds,
        "status": WAITING,
        "started_at": None,
        "ended_at": None,
        "total": 0,
        "succeeded": 0,
        "failed": 0,
        "output_file": None,
        "error_file": None,
        "errors": [],
        "model": None,
        "metadata": None,
        **more,
    }


def as_openai(record: Record) -> dict[str, Any]:
    """Return a batch as `/v1/batches` shows it."""
    status = _OPENAI[record["status"]]
    errors = [
        {"message": message, "code": "invalid_request", "line": None, "param": None} for message in record["errors"]
    ]
    ends = {
        f"{name}_at": record["ended_at"] if status == name else None
        for name in ("completed", "failed", "expired", "cancelled")
    }
    return {
        "id": record["id"],
        "object": "batch",
        "endpoint": record["endpoint"],
        "errors": {"object": "list", "data": errors} if errors else None,
        "input_file_id": record["input_files"][0],
        "completion_window": "24h",
        "status": status,
        "output_file_id": record["output_file"],
        "error_file_id": record["error_file"],
        "created_at": record["created_at"],
        "in_progress_at": record["started_at"],
        "expires_at": record["created_at"] + int(record["seconds"]),
        **ends,
        "request_counts": {
            "total": record["total"],
            "completed": record["succeeded"],
            "failed": record["failed"],
        },
        "metadata": record["metadata"],
    }


def as_mistral(record: Record) -> dict[str, Any]:
    """Return a batch as `/v1/batch/jobs` shows it."""
    return {
        "id": record["id"],
        "object": "batch",
        "input_files": record["input_files"],
        "endpoint": record["endpoint"],
        "model": record["model"],
        "metadata": record["metadata"],
        "errors": [{"message": message, "count": 1} for message in record["errors"]],
        "status": _MISTRAL[record["status"]],
        "created_at": record["created_at"],
        "started_at": record["started_at"],
        "completed_at": record["ended_at"],
        "total_requests": record["total"],
        "completed_requests": record["succeeded"] + record["failed"],
        "succeeded_requests": record["succeeded"],
        "failed_requests": record["failed"],
        "output_file": record["output_file"],
        "error_file": record["error_file"],
    }
