"""Batches as OpenAI's API makes them (`/v1/batches`) and as Mistral's does (`/v1/batch/jobs`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from ingot.serve.batches.record import KIND, OPEN, as_mistral, as_openai, made
from ingot.serve.batches.runner import BatchRunner, quota_record
from ingot.serve.endpoints import EMBEDDINGS, ENDPOINTS
from ingot.serve.kept import FILE, found, kept, new_id, now, page
from ingot.serve.ports import Principal
from ingot.serve.refusal import Refusal
from ingot.serve.routes.given import Caller, ServerHere, takes
from ingot.serve.server import Server
from ingot.serve.speaking import MISTRAL, OPENAI, read_as
from ingot.serve.wire.fields import Asked, told

_DAY = 24 * 3600.0
_PATHS = (*ENDPOINTS, EMBEDDINGS)

router = APIRouter()


class BatchRequest(Asked):
    """`POST /v1/batches`."""

    input_file_id: str
    endpoint: str
    completion_window: Literal["24h"] = "24h"
    metadata: dict[str, str] | None = None


class JobLine(Asked):
    """One request that is sent with the job itself."""

    custom_id: str | None = None
    body: dict[str, Any]


class JobRequest(Asked):
    """`POST /v1/batch/jobs`: the requests in files, or in the job itself."""

    endpoint: str
    input_files: list[str] | None = Field(None, min_length=1, max_length=16)
    requests: list[JobLine] | None = Field(None, min_length=1, max_length=10_000)
    model: str | None = None
    agent_id: None = None
    metadata: dict[str, Any] | None = None
    timeout_hours: Annotated[int, Field(ge=1, le=168), told("a whole number from 1 to 168")] = 24


@router.post("/v1/batches", openapi_extra=takes(BatchRequest))
async def create_batch(request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Begin to answer the requests of a file."""
    body = await read_as(request, BatchRequest)
    _check_endpoint(body.endpoint, OPENAI.name)
    await found(server, caller, FILE, body.input_file_id)
    record = _new(body.endpoint, OPENAI.name, [body.input_file_id], _DAY, caller, metadata=body.metadata)
    return as_openai(await _begin(record, request, server, caller))


@router.get("/v1/batches")
async def list_batches(request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """List the caller's batches, newest first."""
    return await page(request, server, caller, KIND, as_openai)


@router.get("/v1/batches/{batch_id}")
async def get_batch(batch_id: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Describe one batch."""
    return as_openai(await found(server, caller, KIND, batch_id))


@router.post("/v1/batches/{batch_id}/cancel")
async def cancel_batch(batch_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """End a batch early."""
    record = await found(server, caller, KIND, batch_id)
    return as_openai(await _runner(request).cancel(caller, record))


@router.post("/v1/batch/jobs", openapi_extra=takes(JobRequest))
async def create_job(request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Begin to answer the requests of files, or of the job itself."""
    body = await read_as(request, JobRequest)
    _check_endpoint(body.endpoint, MISTRAL.name)
    if (body.input_files is None) == (body.requests is None):
        raise Refusal(400, "send either input_files or requests", param="input_files", code="invalid_value")
    for file_id in body.input_files or ():
        await found(server, caller, FILE, file_id)
    files = body.input_files or [await _write(body.requests or [], server, caller)]
    more = {"model": body.model, "metadata": body.metadata}
    record = _new(body.endpoint, MISTRAL.name, files, body.timeout_hours * 3600.0, caller, **more)
    return as_mistral(await _begin(record, request, server, caller))


@router.get("/v1/batch/jobs")
async def list_jobs(request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """List the caller's jobs, newest first."""
    statuses = request.query_params.getlist("status")

    def is_wanted(record: Mapping[str, Any]) -> bool:
        return not statuses or as_mistral(record)["status"] in statuses

    return await page(request, server, caller, KIND, as_mistral, is_wanted)


@router.get("/v1/batch/jobs/{batch_id}")
async def get_job(batch_id: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Describe one job."""
    return as_mistral(await found(server, caller, KIND, batch_id))


@router.delete("/v1/batch/jobs/{batch_id}")
async def delete_job(batch_id: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Forget a job that is over; its files stay."""
    record = await found(server, caller, KIND, batch_id)
    if record["status"] in OPEN:
        raise Refusal(409, f"{batch_id} is not over: cancel it first", param="id", code="invalid_value")
    await run_in_threadpool(server.store.delete, caller.id, KIND, batch_id)
    return {"id": batch_id, "object": "batch", "deleted": True}


@router.post("/v1/batch/jobs/{batch_id}/cancel")
async def cancel_job(batch_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """End a job early."""
    record = await found(server, caller, KIND, batch_id)
    return as_mistral(await _runner(request).cancel(caller, record))


def _new(
    endpoint: str, dialect: str, files: list[str], seconds: float, caller: Principal, **more: Any
) -> dict[str, Any]:
    return made(new_id("batch_"), now(), endpoint, dialect, files, seconds, quota=quota_record(caller), **more)


async def _begin(record: dict[str, Any], request: Request, server: Server, caller: Principal) -> dict[str, Any]:
    await kept(server, caller, KIND, record)
    _runner(request).begin(caller, dict(record))
    return record


async def _write(requests: list[JobLine], server: Server, caller: Principal) -> str:
    named = [{"custom_id": one.custom_id or str(place), "body": one.body} for place, one in enumerate(requests)]
    content = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in named)
    file_id = new_id("file-")
    await run_in_threadpool(server.store.write, caller.id, file_id, BytesIO(content.encode()))
    return file_id


def _check_endpoint(endpoint: str, api: str) -> None:
    known = [path for path in _PATHS if path == EMBEDDINGS or api in ENDPOINTS[path].bodies]
    if endpoint not in known:
        message = f"endpoint must be one of {', '.join(known)}, not {endpoint[:100]!r}"
        raise Refusal(400, message, param="endpoint", code="invalid_value")


def _runner(request: Request) -> BatchRunner:
    runner = request.app.state.batches
    assert isinstance(runner, BatchRunner)
    return runner
