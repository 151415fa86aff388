"""Records in the store, for routes: found or refused, and listed in pages as either client asks for them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from ingot.serve.ports import Principal
from ingot.serve.refusal import Refusal
from ingot.serve.server import Server

_MOST = 1000
FILE = "file"
_SAMPLES = {"batch": "batch_request", "fine-tune": "instruct"}


def new_id(prefix: str) -> str:
    """Return an id that nobody can guess."""
    return f"{prefix}{secrets.token_hex(12)}"


def now() -> int:
    """Return the Unix time as the APIs write it."""
    return int(time.time())


async def found(server: Server, caller: Principal, kind: str, record_id: str) -> dict[str, Any]:
    """Return a record of the caller. Raises Refusal 404 for what is not there, or is another's."""
    record = await run_in_threadpool(server.store.get, caller.id, kind, record_id)
    if record is None:
        raise Refusal(404, f"there is no {kind} {record_id!r} here", param="id", code="not_found")
    return record


async def kept(server: Server, caller: Principal, kind: str, record: Mapping[str, Any]) -> None:
    """Keep a record of the caller."""
    await run_in_threadpool(server.store.put, caller.id, kind, record["id"], record)


async def page(
    request: Request,
    server: Server,
    caller: Principal,
    kind: str,
    show: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    wanted: Callable[[Mapping[str, Any]], bool] = lambda record: True,
) -> dict[str, Any]:
    """Return a page of the caller's records: `after` and `limit` as OpenAI asks, `page` and `page_size` as Mistral."""
    records = await run_in_threadpool(server.store.records, caller.id, kind)
    return page_of(request, [record for record in records if wanted(record)], show)


def page_of(
    request: Request,
    records: Sequence[Mapping[str, Any]],
    show: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
    size: int = 100,
) -> dict[str, Any]:
    """Return a page of records, newest first, `size` of them where the request does not say."""
    chosen = list(records)
    if request.query_params.get("order") == "asc":
        chosen.reverse()
    begin, size = _window(request, chosen, size)
    data = [show(record) for record in chosen[begin : begin + size]]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return {"object": "list", "data": data, "total": len(chosen), "has_more": begin + size < len(chosen), **ends}


def _window(request: Request, records: Sequence[Mapping[str, Any]], default: int) -> tuple[int, int]:
    asked = request.query_params
    if "page" in asked or "page_size" in asked:
        size = _number(asked.get("page_size"), "page_size", default)
        return _number(asked.get("page"), "page", 0) * size, size
    after = asked.get("after")
    places = [place for place, record in enumerate(records) if record["id"] == after]
    if after and not places:
        raise Refusal(400, f"after names {after!r}, which is not in this list", param="after", code="invalid_value")
    return (places[0] + 1 if places else 0), _number(asked.get("limit"), "limit", default)


def _number(value: str | None, name: str, default: int) -> int:
    if value is None:
        return default
    if not (value.isascii() and value.isdecimal()) or int(value[:9]) > _MOST:
        raise Refusal(400, f"{name} must be a whole number up to {_MOST}", param=name, code="invalid_value")
    return int(value)


def file_record(file_id: str, name: str, purpose: str, size: int, sample_type: str | None = None) -> dict[str, Any]:
    """Return the record of a file, as both clients read it."""
    return {
        "id": file_id,
        "object": "file",
        "bytes": size,
        "created_at": now(),
        "filename": name,
        "purpose": purpose,
        "status": "processed",
        "sample_type": sample_type or _SAMPLES.get(purpose, "batch_request"),
        "source": "upload",
        "deleted": False,
    }
