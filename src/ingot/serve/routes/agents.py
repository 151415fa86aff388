"""Agents: a model with instructions, tools and settings under a name, in versions."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from ingot.serve.conversations.agent import KIND, as_time, changed, made, number_of, shown
from ingot.serve.conversations.request import AgentRequest
from ingot.serve.kept import found, kept, new_id, now, page
from ingot.serve.refusal import Refusal
from ingot.serve.routes.given import Caller, ServerHere, takes
from ingot.serve.speaking import read_as

router = APIRouter()


@router.post("/v1/agents", openapi_extra=takes(AgentRequest))
async def create_agent(request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Make an agent."""
    body = await read_as(request, AgentRequest)
    for name in ("model", "name"):
        if getattr(body, name) is None:
            raise Refusal(400, f"{name} is missing: add it", param=name, kind="missing", place=[name])
    server.card(str(body.model))
    record = made(new_id("ag_"), now(), body.model_dump(mode="json", by_alias=True))
    await kept(server, caller, KIND, record)
    return shown(record)


@router.get("/v1/agents")
async def list_agents(request: Request, server: ServerHere, caller: Caller) -> list[dict[str, Any]]:
    """List the caller's agents, newest first."""
    agents: list[dict[str, Any]] = (await page(request, server, caller, KIND, shown))["data"]
    return agents


@router.get("/v1/agents/pages")
async def list_pages(request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """List the caller's agents, newest first, in pages of which each names the next."""
    records = await run_in_threadpool(server.store.records, caller.id, KIND)
    ids = [record["id"] for record in records]
    token, size = request.query_params.get("page_token"), request.query_params.get("page_size", "20")
    if token and token not in ids:
        raise Refusal(400, "page_token names no agent of yours", param="page_token", code="invalid_value")
    if not (size.isascii() and size.isdecimal() and 0 < int(size[:9]) <= 1000):
        raise Refusal(400, "page_size must be a number from 1 to 1000", param="page_size", code="invalid_value")
    begin = ids.index(token) if token else 0
    end = begin + int(size)
    data = [shown(record) for record in records[begin:end]]
    return {"object": "list", "data": data, "next_page_token": ids[end] if end < len(ids) else None}


@router.get("/v1/agents/{agent_id}")
async def get_agent(agent_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Describe an agent, or the version of it that the query names."""
    record = await found(server, caller, KIND, agent_id)
    return shown(record, number_of(record, request.query_params.get("agent_version")))


@router.patch("/v1/agents/{agent_id}", openapi_extra=takes(AgentRequest))
async def update_agent(agent_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Change an agent, in a new version."""
    body = await read_as(request, AgentRequest)
    if body.model is not None:
        server.card(body.model)
    record = await found(server, caller, KIND, agent_id)
    record = changed(record, body.model_dump(mode="json", by_alias=True, exclude_unset=True), now())
    await kept(server, caller, KIND, record)
    return shown(record)


@router.delete("/v1/agents/{agent_id}", status_code=204)
async def delete_agent(agent_id: str, server: ServerHere, caller: Caller) -> Response:
    """Delete an agent; conversations with it keep what was said."""
    await found(server, caller, KIND, agent_id)
    await run_in_threadpool(server.store.delete, caller.id, KIND, agent_id)
    return Response(status_code=204)


@router.patch("/v1/agents/{agent_id}/version")
async def use_version(agent_id: str, version: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Make a version the current one."""
    record = await found(server, caller, KIND, agent_id)
    record = {**record, "current": number_of(record, version)}
    await kept(server, caller, KIND, record)
    return shown(record)


@router.get("/v1/agents/{agent_id}/versions")
async def list_versions(agent_id: str, server: ServerHere, caller: Caller) -> list[dict[str, Any]]:
    """List the versions of an agent, newest first."""
    record = await found(server, caller, KIND, agent_id)
    return [shown(record, number) for number in reversed(range(len(record["versions"])))]


@router.get("/v1/agents/{agent_id}/versions/{version}")
async def get_version(agent_id: str, version: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Describe a version of an agent."""
    record = await found(server, caller, KIND, agent_id)
    return shown(record, number_of(record, version))


@router.put("/v1/agents/{agent_id}/aliases")
async def name_version(agent_id: str, alias: str, version: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Give a version a name."""
    if alias.isdecimal() or not 0 < len(alias) <= 64:
        raise Refusal(400, "an alias is a name of at most 64 characters, not a number", param="alias")
    record = await found(server, caller, KIND, agent_id)
    before = record["aliases"].get(alias, {"created_at": now()})
    named = {**before, "version": number_of(record, version), "updated_at": now()}
    await kept(server, caller, KIND, {**record, "aliases": {**record["aliases"], alias: named}})
    return _alias(alias, named)


@router.get("/v1/agents/{agent_id}/aliases")
async def list_aliases(agent_id: str, server: ServerHere, caller: Caller) -> list[dict[str, Any]]:
    """List the names of versions."""
    record = await found(server, caller, KIND, agent_id)
    return [_alias(alias, named) for alias, named in sorted(record["aliases"].items())]


@router.delete("/v1/agents/{agent_id}/aliases", status_code=204)
async def delete_alias(agent_id: str, alias: str, server: ServerHere, caller: Caller) -> Response:
    """Take a name from a version."""
    record = await found(server, caller, KIND, agent_id)
    if alias not in record["aliases"]:
        raise Refusal(404, f"{agent_id} has no alias {alias!r}", param="alias", code="not_found")
    left = {name: named for name, named in record["aliases"].items() if name != alias}
    await kept(server, caller, KIND, {**record, "aliases": left})
    return Response(status_code=204)


def _alias(alias: str, named: dict[str, Any]) -> dict[str, Any]:
    times = {name: as_time(named[name]) for name in ("created_at", "updated_at")}
    return {"alias": alias, "version": named["version"], **times}
