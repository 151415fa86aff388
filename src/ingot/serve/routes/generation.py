"""Routes that write text: conversations, continuations, and middles."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from fastapi import APIRouter, Request, Response

from ingot.serve.answers.answering import Answering
from ingot.serve.endpoints import CHAT, COMPLETIONS, ENDPOINTS, FIM, asked_by
from ingot.serve.guardrails import brought
from ingot.serve.routes.given import caller_of, model_for, server_of, takes
from ingot.serve.speaking import read, spoken
from ingot.serve.wire.replies import ChatCompletion, Completion

router = APIRouter()


@router.post(CHAT, response_model=ChatCompletion, openapi_extra=takes(*ENDPOINTS[CHAT].bodies.values()))
async def chat_completions(request: Request) -> Response:
    """Answer a conversation; a base model continues it."""
    return await _answering(CHAT, request)


@router.post(COMPLETIONS, response_model=Completion, openapi_extra=takes(*ENDPOINTS[COMPLETIONS].bodies.values()))
async def completions(request: Request) -> Response:
    """Continue text."""
    return await _answering(COMPLETIONS, request)


@router.post(FIM, response_model=ChatCompletion, openapi_extra=takes(*ENDPOINTS[FIM].bodies.values()))
async def fim_completions(request: Request) -> Response:
    """Write what stands between a prompt and a suffix."""
    return await _answering(FIM, request)


async def _answering(path: str, request: Request) -> Response:
    endpoint, server, caller = ENDPOINTS[path], await server_of(request), await caller_of(request)
    body = await read(request, endpoint.bodies)
    model = await model_for(request, server, body.model, body)
    policies = brought(body, server.judges.policies)
    admitted = await server.judges.doors(model, caller, policies).admit(body, model.engine.codec)
    asked = await asked_by(endpoint.asks, admitted, model)
    asked = replace(asked, policies=policies) if policies else asked
    beside = server.mirror.beside(model, partial(endpoint.asks, admitted))
    return Answering(asked, endpoint.voice(asked, spoken(request)), server, caller, beside)
