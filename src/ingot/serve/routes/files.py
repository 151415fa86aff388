"""Files that callers leave here: the input of batches and trainings, and what those made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from ingot.serve.kept import FILE as KIND
from ingot.serve.kept import file_record, found, kept, new_id, page
from ingot.serve.links import PATH as LINKS
from ingot.serve.links import Linked, Links
from ingot.serve.ports import Principal
from ingot.serve.refusal import Refusal
from ingot.serve.routes.given import FILE, Caller, ServerHere, takes_form
from ingot.serve.server import Server

PURPOSES = ("batch", "fine-tune", "user_data", "assistants", "vision", "evals", "ocr", "audio")
_LONGEST_NAME = 255
_MOST_HOURS = 168
_HOUR = 3600.0

_BYTES: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {"schema": FILE}}}}

router = APIRouter()


@router.post("/v1/files", openapi_extra=takes_form({"file": FILE}, purpose={"enum": [*PURPOSES]}))
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


@router.get("/v1/files/{file_id}/content", response_class=FileResponse, responses=_BYTES)
async def get_content(file_id: str, server: ServerHere, caller: Caller) -> FileResponse:
    """Return the bytes of a file. They are never shown by a browser as a page of this server."""
    return await _content(file_id, server, caller, FileResponse, {})


@router.get("/v1/files/{file_id}/url")
async def get_url(
    file_id: str,
    request: Request,
    server: ServerHere,
    caller: Caller,
    expiry: Annotated[int, Query(ge=1, le=_MOST_HOURS)] = 24,
) -> dict[str, Any]:
    """Return a link to a file that works without a key, for so many hours."""
    await found(server, caller, KIND, file_id)
    link = _links(request).make(Linked(caller.id, file_id), expiry * _HOUR)
    return {"url": f"{str(request.base_url).rstrip('/')}{link}"}


@router.get(LINKS + "{token}", response_class=FileResponse, responses=_BYTES)
async def get_linked(token: str, request: Request, server: ServerHere) -> FileResponse:
    """Return the bytes of a file to whoever has a link to it."""
    linked = _links(request).read(token)
    # Whoever sees the link can use it: it must not stay in a cache, or be told to the next site.
    headers = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer", "Accept-Ranges": "none"}
    return await _content(linked.file_id, server, Principal(linked.principal), _Whole, headers)


@router.delete("/v1/files/{file_id}")
async def delete_file(file_id: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Delete a file."""
    await found(server, caller, KIND, file_id)
    await run_in_threadpool(server.store.erase, caller.id, file_id)
    await run_in_threadpool(server.store.delete, caller.id, KIND, file_id)
    return {"id": file_id, "object": "file", "deleted": True}


class _Whole(FileResponse):
    """A file that is sent whole, whatever part of it is asked for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name not in (b"range", b"if-range")]
        await super().__call__({**scope, "headers": headers}, receive, send)


async def _content(
    file_id: str, server: Server, owner: Principal, response: type[FileResponse], headers: Mapping[str, str]
) -> FileResponse:
    record = await found(server, owner, KIND, file_id)
    path = server.store.path(owner.id, file_id)
    if path is None:
        raise Refusal(404, f"the content of {file_id!r} is gone", param="id", code="not_found")
    told = {"X-Content-Type-Options": "nosniff", **headers}
    return response(path, media_type="application/octet-stream", filename=record["filename"], headers=told)


def _links(request: Request) -> Links:
    links = request.app.state.links
    assert isinstance(links, Links)
    return links


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
