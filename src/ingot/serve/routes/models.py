"""The models that are served. Everybody may look; only an operator's key changes which they are.

A model that a fine-tuning job made is its owner's: nobody else sees it, and its owner may delete it.

What an operator takes away is a name. The files of a model stay where they are: other names, and what was made from it,
may need them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from ingot.serve.mistral_api import UpdateModelRequest, changed_card
from ingot.serve.ports import ModelCard, ModelState, Principal
from ingot.serve.refusal import Refusal
from ingot.serve.routes.given import Caller, ServerHere, takes
from ingot.serve.server import Server
from ingot.serve.speaking import OPENAI, read_as, spoken

router = APIRouter()


@router.get("/v1/models")
async def list_models(request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """List the served models."""
    card = spoken(request).card
    return {"object": "list", "data": [card(model) for model in server.cards(caller)]}


@router.get("/v1/models/{model_id}")
async def get_model(model_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Describe one served model."""
    return spoken(request).card(server.card(model_id, param=None, caller=caller))


@router.delete("/v1/models/{model_id}")
async def delete_model(model_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Serve a model no more. Its files stay."""
    card = await _put_into("deleted", model_id, request, server, caller)
    return {"id": card.id, "object": "model", "deleted": True}


@router.patch("/v1/fine_tuning/models/{model_id}", openapi_extra=takes(UpdateModelRequest))
async def update_model(model_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Give a model another name or description for people; the id it is asked by stays."""
    body = await read_as(request, UpdateModelRequest)
    _check_operator(model_id, request, server, caller)
    change = partial(server.source.describe, model_id, body.name, body.description, caller.id)
    return changed_card(_known(await run_in_threadpool(change), model_id, server))


@router.post("/v1/fine_tuning/models/{model_id}/archive")
async def archive_model(model_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Serve a model no more, until it is taken out of the archive."""
    card = await _put_into("archived", model_id, request, server, caller)
    return {"id": card.id, "object": "model", "archived": True}


@router.delete("/v1/fine_tuning/models/{model_id}/archive")
async def unarchive_model(model_id: str, request: Request, server: ServerHere, caller: Caller) -> dict[str, Any]:
    """Serve a model again."""
    card = await _put_into("served", model_id, request, server, caller)
    return {"id": card.id, "object": "model", "archived": False}


async def _put_into(state: ModelState, model_id: str, request: Request, server: Server, caller: Principal) -> ModelCard:
    _check_operator(model_id, request, server, caller)
    return _known(await run_in_threadpool(server.source.put_into, model_id, state, caller.id), model_id, server)


def _known(card: ModelCard | None, model_id: str, server: Server) -> ModelCard:
    if card is None:
        raise server.unknown(model_id, param=None)
    return card


def _check_operator(model_id: str, request: Request, server: Server, caller: Principal) -> None:
    if caller.is_operator:
        return
    card = server.card(model_id, param=None, caller=caller)
    if card.owner == caller.id and request.method == "DELETE" and request.url.path.startswith("/v1/models/"):
        return
    code = "insufficient_permissions" if spoken(request) is OPENAI else None
    message = f"{model_id!r} stays as it is: only a key whose line in the key file says `operator` may change it"
    raise Refusal(403, message, param="model", code=code)
