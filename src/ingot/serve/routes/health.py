"""How the server is: for whoever starts it, watches it, or sends it requests."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse, PlainTextResponse

from ingot.serve.metrics import MEDIA_TYPE
from ingot.serve.routes.given import ServerHere

router = APIRouter()


@router.get("/health")
@router.get("/healthz")
async def health(server: ServerHere) -> dict[str, Any]:
    """Say that the server is up, what it serves and how busy it is."""
    gateway = server.gateway
    models = [card.id for card in server.cards()]  # anybody may ask this: no word of what belongs to a key
    return {"status": "ok", "models": models, "active": gateway.active, "waiting": gateway.waiting}


@router.get("/readyz")
async def ready(server: ServerHere) -> Response:
    """Say whether the server takes requests: not when it is about to end."""
    if server.gateway.is_draining:
        return JSONResponse({"status": "draining"}, 503)
    return JSONResponse({"status": "ok"})


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(server: ServerHere) -> Response:
    """Return what was counted, as Prometheus reads it."""
    return Response(server.metrics.text(), headers={"Content-Type": MEDIA_TYPE})
