"""Conversations that the server keeps: begun, gone on with, and begun again from any entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from ingot.serve.answers.answering import Answering
from ingot.serve.answers.voice import Answer
from ingot.serve.asks.chat import from_chat
from ingot.serve.conversations import agent
from ingot.serve.conversations.agent import as_time
from ingot.serve.conversations.request import (
    AppendRequest,
    RestartRequest,
    Running,
    Settings,
    StartRequest,
    as_chat,
    entries_of,
)
from ingot.serve.conversations.voice import ConversationVoice
from ingot.serve.endpoints import asked_by
from ingot.serve.kept import found, kept, new_id, now, page
from ingot.serve.ports import Principal
from ingot.serve.refusal import Refusal
from ingot.serve.routes.given import Caller, ServerHere, model_for, takes
from ingot.serve.server import Server
from ingot.serve.speaking import read_as
from ingot.serve.wire.replies import WireUsage

KIND = "conversation"
_SETTINGS = ("model", "instructions", "tools", "completion_args")

router = APIRouter()


@router.post("/v1/conversations", openapi_extra=takes(StartRequest))
async def start(request: Request, server: ServerHere, caller: Caller) -> Response:
    """Begin a conversation with a model or an agent."""
    body = await read_as(request, StartRequest)
    if (body.agent_id is None) == (body.model is None):
        raise Refusal(400, "send either model or agent_id", param="model", code="invalid_value")
    record = _new({name: getattr(body, name) for name in ("name", "description", "metadata")})
    if body.agent_id is not None:
        record |= await _of_agent(server, caller, body.agent_id, body.agent_version)
    else:
        settings = body.model_dump(mode="json", by_alias=True, include=set(Settings.model_fields))
        record["settings"] = {name: settings[name] for name in _SETTINGS}
    return await _answering(record, body, request, server, caller, is_new=True)


@router.post("/v1/conversations/{conversation_id}", openapi_extra=takes(AppendRequest))
async def append(conversation_id: str, request: Request, server: ServerHere, caller: Caller) -> Response:
    """Go on with a conversation."""
    body = await read_as(request, AppendRequest)
    record = await found(server, caller, KIND, conversation_id)
    return await _answering(record, body, request, server, caller, is_new=False)


@router.post("/v1/conversations/{conversation_id}/restart", openapi_extra=takes(RestartRequest))
async def restart(conversation_id: str, request: Request, server: ServerHere, caller: Caller) -> Response:
    """Begin a new conversation that shares the entries of another one, up to the one named."""
    body = await read_as(request, RestartRequest)
    old = await found(server, caller, KIND, conversation_id)
    ids = [entry["id"] for entry in old["entries"]]
    if body.from_entry_id not in ids:
        message = f"{conversation_id} has no entry {body.from_entry_id!r}"
        raise Refusal(404, message, param="from_entry_id", code="not_found")
    shared = old["entries"][: ids.index(body.from_entry_id) + 1]
    record = {**old, **_new({}), "entries": shared, "metadata": body.metadata or old["metadata"]}
    record |= {name: old[name] for name in ("name", "description")}
    if body.agent_version is not None and old["agent_id"] is not None:
        record |= await _of_agent(server, caller, old["agent_id"], body.agent_version)
    return await _answering(record, body, request, server, caller, is_new=True)


@router.get("/v1/conversations")
async def list_conversations(request: Request, server: ServerHere, caller: Caller) -> list[dict[str, Any]]:
    """List the caller's conversations, newest first."""
    listed: list[dict[str, Any]] = (await page(request, server, caller, KIND, _shown))["data"]
    return listed


@router.get("/v1/conversations/{conversation_id}")
async def get_conversation(conversation_id: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Describe a conversation."""
    return _shown(await found(server, caller, KIND, conversation_id))


@router.delete("/v1/conversations/{conversation_id}", status_code=204)
async def delete_conversation(conversation_id: str, server: ServerHere, caller: Caller) -> Response:
    """Forget a conversation."""
    await found(server, caller, KIND, conversation_id)
    await run_in_threadpool(server.store.delete, caller.id, KIND, conversation_id)
    return Response(status_code=204)


@router.get("/v1/conversations/{conversation_id}/history")
async def get_history(conversation_id: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Return every entry of a conversation."""
    record = await found(server, caller, KIND, conversation_id)
    return {"object": "conversation.history", "conversation_id": conversation_id, "entries": record["entries"]}


@router.get("/v1/conversations/{conversation_id}/messages")
async def get_messages(conversation_id: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Return what was said in a conversation, without calls."""
    record = await found(server, caller, KIND, conversation_id)
    said = [entry for entry in record["entries"] if entry["type"].startswith("message.")]
    return {"object": "conversation.messages", "conversation_id": conversation_id, "messages": said}


async def _answering(
    record: dict[str, Any], body: Running, request: Request, server: Server, caller: Principal, is_new: bool
) -> Response:
    at = as_time(now())
    asked_now = [
        {"id": new_id("msg_"), "object": "entry", "created_at": at, "completed_at": at, **entry}
        for entry in entries_of(body.inputs)
    ]
    entries = [*record["entries"], *asked_now]
    if not entries:
        raise Refusal(400, "inputs is missing: add it", param="inputs", code="missing_required_parameter")
    chat = as_chat(record["settings"], entries, body)
    model = await model_for(request, server, chat.model, chat)
    chat = await server.judges.doors(model, caller).admit(chat, model.engine.codec)
    voice = ConversationVoice(record["id"], model.id, record["agent_id"])

    async def keep(answers: Sequence[Answer], usage: WireUsage) -> None:
        voice.hear(answers)
        if not is_new:
            await _check_unchanged(record, server, caller)
        whole = [*entries, *voice.entries]
        await kept(server, caller, KIND, {**record, "entries": whole, "updated_at": now()})

    beside = server.mirror.beside(model, partial(from_chat, chat), None if body.store is False else keep)
    return Answering(await asked_by(from_chat, chat, model), voice, server, caller, beside)


async def _check_unchanged(record: Mapping[str, Any], server: Server, caller: Principal) -> None:
    latest = await found(server, caller, KIND, record["id"])
    if len(latest["entries"]) != len(record["entries"]):
        message = f"another request went on with {record['id']} meanwhile: ask again"
        raise Refusal(409, message, code="conflict")


async def _of_agent(server: Server, caller: Principal, agent_id: str, version: str | int | None) -> dict[str, Any]:
    record = await found(server, caller, agent.KIND, agent_id)
    number = agent.number_of(record, version)
    settings = record["versions"][number]["settings"]
    chosen = {name: settings.get(name) for name in _SETTINGS}
    return {"agent_id": agent_id, "agent_version": number, "settings": chosen}


def _new(fields: Mapping[str, Any]) -> dict[str, Any]:
    at = now()
    whose = {"agent_id": None, "agent_version": None}
    return {"id": new_id("conv_"), "created_at": at, "updated_at": at, **whose, "entries": [], **fields}


def _shown(record: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: record[name] for name in ("name", "description", "metadata")}
    times = {name: as_time(record[name]) for name in ("created_at", "updated_at")}
    whose = (
        {"agent_id": record["agent_id"], "agent_version": record["agent_version"]}
        if record["agent_id"] is not None
        else {name: value for name, value in record["settings"].items() if value is not None}
    )
    return {"id": record["id"], "object": "conversation", **times, **own, **whose}
