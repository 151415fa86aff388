"""Files that callers leave here: the input of batches, and what batches made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.responses import FileResponse

from ingot.serve.kept import FILE as KIND
from ingot.serve.kept import file_record, found, kept, new_id, page
from ingot.serve.ports import Principal
from ingot.serve.refusal import Refusal
from ingot.serve.routes.given import Caller, ServerHere
from ingot.serve.server import Server

PURPOSES = ("batch", "fine-tune", "user_data", "assistants", "vision", "evals", "ocr", "audio")
_LONGEST_NAME = 255

router = APIRouter()


@router.post("/v1/files")
async def upload(request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Keep a file, sent as a form with `file` and `purpose`."""
    try:
        async with request.form(max_files=1, max_fields=20) as form:
            return await _kept_from(form, server, caller)
    except MultiPartException as error:
        raise Refusal(400, f"the form cannot be read: {error.message}") from None


@router.get("/v1/files")
async def list_files(request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """List the caller's files, newest first."""
    purposes = request.query_params.getlist("purpose")

    def is_wanted(record: Mapping[str, Any]) -> bool:
        return not purposes or record["purpose"] in purposes

    return await page(request, server, caller, KIND, dict, is_wanted)


@router.get("/v1/files/{file_id}")
async def get_file(file_id: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Describe one file."""
    return await found(server, caller, KIND, file_id)


@router.get("/v1/files/{file_id}/content")
async def get_content(file_id: str, server: ServerHere, caller: Caller) -> FileResponse:
    """Return the bytes of a file. They are never shown by a browser as a page of this server."""
    record = await found(server, caller, KIND, file_id)
    path = server.store.path(caller.id, file_id)
    if path is None:
        raise Refusal(404, f"the content of {file_id!r} is gone", param="id", code="not_found")
    headers = {"X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type="application/octet-stream", filename=record["filename"], headers=headers)


@router.delete("/v1/files/{file_id}")
async def delete_file(file_id: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Delete a file."""
    await found(server, caller, KIND, file_id)
    await run_in_threadpool(server.store.erase, caller.id, file_id)
    await run_in_threadpool(server.store.delete, caller.id, KIND, file_id)
    return {"id": file_id, "object": "file", "deleted": True}


async def _kept_from(form: FormData, server: Server, caller: Principal) -> dict[str, Any]:
    file, purpose = form.get("file"), form.get("purpose", "batch")
    if not isinstance(file, UploadFile):
        message = "file is missing: send a form (multipart/form-data) with a file in it"
        raise Refusal(400, message, param="file", code="missing_required_parameter")
    if purpose not in PURPOSES:
        message = f"purpose must be one of {', '.join(PURPOSES)}"
        raise Refusal(400, message, param="purpose", code="invalid_value")
    file_id = new_id("file-")
    size = await run_in_threadpool(server.store.write, caller.id, file_id, file.file)
    record = file_record(file_id, (file.filename or "unnamed")[:_LONGEST_NAME], str(purpose), size)
    await kept(server, caller, KIND, record)
    return record
