"""Fine-tuning jobs as OpenAI's API has them (`/v1/fine_tuning/jobs`)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from ingot.serve.fine_tuning.examples import FEWEST_EXAMPLES, examples
from ingot.serve.fine_tuning.record import (
    CANCELLED,
    KIND,
    PAUSED,
    QUEUED,
    RUNNING,
    as_openai,
    events_as_openai,
    made,
    points_as_openai,
)
from ingot.serve.fine_tuning.request import JobRequest, check, ordered
from ingot.serve.fine_tuning.runner import JobRunner, may_train
from ingot.serve.kept import FILE, found, new_id, now, page_of
from ingot.serve.peer import is_own_user
from ingot.serve.ports import Principal, TrainingOrder
from ingot.serve.refusal import Refusal
from ingot.serve.routes.given import Caller, ServerHere, takes
from ingot.serve.server import Server
from ingot.serve.speaking import read_as

_PAGE, _PAGE_OF_POINTS = 20, 10
_PATH = "/v1/fine_tuning/jobs"

router = APIRouter()


@router.post(_PATH, openapi_extra=takes(JobRequest))
async def create_job(request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Begin to make a model of the caller's own. The files are read whole before the job is accepted."""
    runner, most = _runner(request), _may_train(request, caller)
    body = await read_as(request, JobRequest)
    check(body)
    base = server.card(body.model, caller=caller)
    training = await _path(server, caller, body.training_file, "training_file")
    validation = await _path(server, caller, body.validation_file, "validation_file") if body.validation_file else None
    order = ordered(body, base.reference, caller.quota.training_minutes)
    record = made(
        new_id("ftjob-"),
        now(),
        order,
        body.model,
        body.training_file,
        body.validation_file,
        body.settings.model_dump(),
        body.metadata,
        caller,
    )
    async with runner.reading:
        runner.refuse_too_many(caller.id, most)
        await run_in_threadpool(_begin, runner, order, training, validation, record, most)
    return as_openai(record)


@router.get(_PATH)
async def list_jobs(request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """List the caller's jobs, newest first; `metadata[name]=value` chooses among them."""
    asked = request.query_params
    wanted = {name[len("metadata[") : -1]: value for name, value in asked.items() if name.startswith("metadata[")}
    needs_none = asked.get("metadata") == "null"

    def is_wanted(record: Mapping[str, Any]) -> bool:
        own = record["metadata"]
        return own is None if needs_none else wanted.items() <= (own or {}).items()

    records = await run_in_threadpool(server.store.records, caller.id, KIND)
    return page_of(request, [record for record in records if is_wanted(record)], as_openai, _PAGE)


@router.get(_PATH + "/{job_id}")
async def get_job(job_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Describe one job."""
    record = await found(server, caller, KIND, job_id)
    is_running = record["status"] == RUNNING
    seen = await run_in_threadpool(_runner(request).launcher.look, record["name"]) if is_running else None
    return as_openai(record, seen.ends_at if seen is not None else None)


@router.get(_PATH + "/{job_id}/events")
async def list_events(job_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """List what a job told, newest first."""
    record = await found(server, caller, KIND, job_id)
    events = await run_in_threadpool(_runner(request).launcher.events, record["name"])
    return page_of(request, events_as_openai(events), size=_PAGE)


@router.get(_PATH + "/{job_id}/checkpoints")
async def list_checkpoints(job_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """List the states of the weights that are kept, newest first."""
    record = await found(server, caller, KIND, job_id)
    points = await run_in_threadpool(_runner(request).launcher.points, record["name"])
    return page_of(request, points_as_openai(points, record), size=_PAGE_OF_POINTS)


@router.post(_PATH + "/{job_id}/cancel")
async def cancel_job(job_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """End a job for good; what it made so far is dropped."""
    return await _changed(job_id, CANCELLED, request, server, caller)


@router.post(_PATH + "/{job_id}/pause")
async def pause_job(job_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Save what a job is at, and make room for others."""
    return await _changed(job_id, PAUSED, request, server, caller)


@router.post(_PATH + "/{job_id}/resume")
async def resume_job(job_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Go on with a paused job, from the very step it was at, as soon as there is room."""
    _may_train(request, caller)
    return await _changed(job_id, QUEUED, request, server, caller)


def _may_train(request: Request, caller: Principal) -> int:
    """Return how many jobs a caller may have at once. Raises Refusal 403 for none.

    Training writes into the home and keeps the machine busy for hours. Without keys everybody on this machine reaches
    the server, and a proxy may let others in: of them, only the user who started it may do that.
    """
    most = may_train(caller)
    if not caller.has_key and not is_own_user(request.scope):
        message = "without a key file only programs of the user who runs this server may train, and none behind a proxy"
        raise Refusal(403, f"{message}: start it with --key-file", code="insufficient_permissions")
    return most


async def _changed(job_id: str, status: str, request: Request, server: Server, caller: Principal) -> dict[str, Any]:
    record = await found(server, caller, KIND, job_id)
    return as_openai(await run_in_threadpool(_runner(request).change, record, status))


async def _path(server: Server, caller: Principal, file_id: str, param: str) -> Path:
    """Return where a training file lies. Raises Refusal naming the parameter for a file that is none."""
    record = await run_in_threadpool(server.store.get, caller.id, FILE, file_id)
    path = await run_in_threadpool(server.store.path, caller.id, file_id)
    if record is None or path is None:
        message = f"{param}: there is no file {file_id!r} here: upload it"
        raise Refusal(400, message, param=param, code=f"invalid_{param}")
    if record["purpose"] != "fine-tune":
        message = f"{param}: the file {file_id!r} was uploaded for {record['purpose']!r}: upload it with the purpose "
        raise Refusal(400, f"{message}'fine-tune'", param=param, code="invalid_file_purpose")
    return path


def _begin(
    runner: JobRunner,
    order: TrainingOrder,
    training: Path,
    validation: Path | None,
    record: dict[str, Any],
    most: int,
) -> None:
    conversations = examples(training, "training_file", FEWEST_EXAMPLES)
    kept = examples(validation, "validation_file") if validation is not None else None
    runner.launcher.prepare(order, conversations, kept)
    try:
        runner.add(record, most)
    except BaseException:
        with suppress(OSError):
            runner.launcher.clear(order.name, is_finished=False)
        raise


def _runner(request: Request) -> JobRunner:
    runner = request.app.state.jobs
    if runner is None:
        raise Refusal(404, "this server does not train models", code="not_found")
    assert isinstance(runner, JobRunner)
    return runner
