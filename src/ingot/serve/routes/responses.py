"""OpenAI's Responses API: answers that are kept, and can be gone on from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from ingot.serve.answers.answering import Answering
from ingot.serve.answers.voice import Answer
from ingot.serve.asks.chat import from_chat
from ingot.serve.endpoints import asked_by
from ingot.serve.kept import found, kept
from ingot.serve.ports import Principal
from ingot.serve.responses.request import ResponseRequest, add_call, as_chat, messages_of
from ingot.serve.responses.voice import ResponseVoice
from ingot.serve.routes.given import Caller, ServerHere, model_for, takes
from ingot.serve.server import Server
from ingot.serve.speaking import read_as
from ingot.serve.wire.replies import WireUsage

KIND = "response"

router = APIRouter()


@router.post("/v1/responses", openapi_extra=takes(ResponseRequest))
async def create_response(request: Request, server: ServerHere, caller: Caller) -> Response:
    """Answer some input, perhaps in a conversation that an earlier response began."""
    body = await read_as(request, ResponseRequest)
    said = messages_of(body)
    if body.previous_response_id is not None:
        before = await found(server, caller, KIND, body.previous_response_id)
        said = [*before["messages"], *said]
    chat = as_chat(body, said)
    model = await model_for(request, server, body.model, chat)
    chat = await server.judges.doors(model, caller).admit(chat, model.engine.codec)
    asked = await asked_by(from_chat, chat, model)
    voice = ResponseVoice(body, asked.model.id)

    async def keep(answers: Sequence[Answer], usage: WireUsage) -> None:
        voice.hear(answers)
        await _keep(voice, said, usage, server, caller)

    beside = server.mirror.beside(model, partial(from_chat, chat), None if body.store is False else keep)
    return Answering(asked, voice, server, caller, beside)


@router.get("/v1/responses/{response_id}")
async def get_response(response_id: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Return a response that was kept."""
    response: dict[str, Any] = (await found(server, caller, KIND, response_id))["response"]
    return response


@router.delete("/v1/responses/{response_id}")
async def delete_response(response_id: str, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Forget a response."""
    await found(server, caller, KIND, response_id)
    await run_in_threadpool(server.store.delete, caller.id, KIND, response_id)
    return {"id": response_id, "object": "response", "deleted": True}


async def _keep(
    voice: ResponseVoice, said: list[dict[str, Any]], usage: WireUsage, server: Server, caller: Principal
) -> None:
    messages = list(said)
    for item in voice.items:
        if item["type"] == "message":
            messages.append({"role": "assistant", "content": item["content"][0]["text"]})
        else:
            add_call(messages, {"id": item["call_id"], "function": {key: item[key] for key in ("name", "arguments")}})
    record = {"id": voice.id, "created_at": voice.created, "messages": messages, "response": voice.told(usage)}
    await kept(server, caller, KIND, record)
