"""The models that are served. Which they are is the server's business: callers may look, and change nothing."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from ingot.serve.refusal import Refusal
from ingot.serve.routes.given import ServerHere, model_for
from ingot.serve.speaking import OPENAI, spoken

router = APIRouter()


@router.get("/v1/models")
async def list_models(request: Request, server: ServerHere) -> dict[str, Any]:
    """List the served models."""
    card = spoken(request).card
    return {"object": "list", "data": [card(model) for model in server.source.models()]}


@router.get("/v1/models/{model_id}")
async def get_model(model_id: str, request: Request, server: ServerHere) -> dict[str, Any]:
    """Describe one served model."""
    return spoken(request).card(model_for(request, server, model_id, param=None))


@router.delete("/v1/models/{model_id}")
async def delete_model(model_id: str, request: Request, server: ServerHere) -> None:
    """Refuse: a caller may not take a model away from the others."""
    raise _not_yours(model_id, request, server, "deleted")


@router.patch("/v1/fine_tuning/models/{model_id}")
async def update_model(model_id: str, request: Request, server: ServerHere) -> None:
    """Refuse: what a model is called is recorded where it was made."""
    raise _not_yours(model_id, request, server, "renamed")


@router.post("/v1/fine_tuning/models/{model_id}/archive")
async def archive_model(model_id: str, request: Request, server: ServerHere) -> None:
    """Refuse, as for deleting."""
    raise _not_yours(model_id, request, server, "archived")


@router.delete("/v1/fine_tuning/models/{model_id}/archive")
async def unarchive_model(model_id: str, request: Request, server: ServerHere) -> None:
    """Refuse: nothing is archived here."""
    raise _not_yours(model_id, request, server, "taken out of an archive")


def _not_yours(model_id: str, request: Request, server: ServerHere, done: str) -> Refusal:
    model = model_for(request, server, model_id, param=None)
    code = "insufficient_permissions" if spoken(request) is OPENAI else None
    message = f"{model.id!r} cannot be {done} through this server: its owner decides that with `ingot`"
    return Refusal(403, message, param="model", code=code)
