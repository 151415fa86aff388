"""What a route is given beside its request."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel

from ingot.serve.ports import Principal, ServedModel
from ingot.serve.server import Server


async def _server(request: Request) -> Server:
    server = request.app.state.server
    assert isinstance(server, Server)
    return server


async def _principal(request: Request) -> Principal:
    principal = request.state.principal
    assert isinstance(principal, Principal)
    return principal


ServerHere = Annotated[Server, Depends(_server)]
Caller = Annotated[Principal, Depends(_principal)]


def model_for(request: Request, server: Server, model_id: str, param: str | None = "model") -> ServedModel:
    """Return the model a request names, borrowed until the request is over. Raises Refusal 404."""
    model = server.borrow(model_id, param)
    request.state.borrowed.append(model.lease)
    return model


def takes(*kinds: type[BaseModel]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body that is read by `speaking`."""
    names = {schema_prefix(kind) + kind.__name__: kind for kind in kinds}
    BODIES.update(names)
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def schema_prefix(kind: type[BaseModel]) -> str:
    """Return what keeps types of the same name apart that belong to different APIs.

    >>> from ingot.serve.openai_api import ChatRequest
    >>> schema_prefix(ChatRequest)
    'openai_api.'
    """
    return kind.__module__.removeprefix("ingot.serve.") + "."


BODIES: dict[str, type[BaseModel]] = {}  # every type that a route was said to take
