"""Routes that write text: conversations, continuations, and middles."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ingot.serve.answers.answering import Answering
from ingot.serve.endpoints import CHAT, COMPLETIONS, ENDPOINTS, FIM
from ingot.serve.ports import Principal
from ingot.serve.routes.given import Caller, ServerHere, model_for, takes
from ingot.serve.server import Server
from ingot.serve.speaking import read, spoken
from ingot.serve.wire.replies import ChatCompletion, Completion

router = APIRouter()


@router.post(CHAT, response_model=ChatCompletion, openapi_extra=takes(*ENDPOINTS[CHAT].bodies.values()))
async def chat_completions(request: Request, server: ServerHere, caller: Caller) -> Response:
    """Answer a conversation; a base model continues it."""
    return await _answering(CHAT, request, server, caller)


@router.post(COMPLETIONS, response_model=Completion, openapi_extra=takes(*ENDPOINTS[COMPLETIONS].bodies.values()))
async def completions(request: Request, server: ServerHere, caller: Caller) -> Response:
    """Continue text."""
    return await _answering(COMPLETIONS, request, server, caller)


@router.post(FIM, response_model=ChatCompletion, openapi_extra=takes(*ENDPOINTS[FIM].bodies.values()))
async def fim_completions(request: Request, server: ServerHere, caller: Caller) -> Response:
    """Write what stands between a prompt and a suffix."""
    return await _answering(FIM, request, server, caller)


async def _answering(path: str, request: Request, server: Server, caller: Principal) -> Response:
    endpoint = ENDPOINTS[path]
    body = await read(request, endpoint.bodies)
    model = model_for(request, server, body.model)
    admitted = await server.judges.doors(model, caller).admit(body, model.engine.codec)
    asked = endpoint.asks(admitted, model)
    return Answering(asked, endpoint.voice(asked, spoken(request)), server, caller)
