"""What a route is given beside its request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from ingot.serve.origin import origin_of
from ingot.serve.ports import Principal, ServedModel
from ingot.serve.server import Server


async def server_of(request: Request) -> Server:
    """Return the server that was asked."""
    server = request.app.state.server
    assert isinstance(server, Server)
    return server


async def caller_of(request: Request) -> Principal:
    """Return who is asking."""
    principal = request.state.principal
    assert isinstance(principal, Principal)
    return principal


ServerHere = Annotated[Server, Depends(server_of)]
Caller = Annotated[Principal, Depends(caller_of)]
Answers = Callable[[Request], Awaitable[Response]]


class Direct:
    """Calls functions of `routes` that take the request alone and return the response; other requests go to `app`.

    What FastAPI does to find out the arguments of a function, and to clear them away, takes longer than the rest of a
    short answer. Errors are told at the doors.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        own = [route for route in routes if isinstance(route, APIRoute)]
        self._functions: Mapping[tuple[str, str], Answers] = {
            (method, route.path): route.endpoint for route in own for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        function = self._functions.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if function is None:
            await self._app(scope, receive, send)
        else:
            response = await function(Request(scope, receive, send))
            await response(scope, receive, send)


async def model_for(request: Request, server: Server, model_id: str, body: BaseModel) -> ServedModel:
    """Return the version that answers a request, borrowed until the request is over. Raises Refusal 404."""
    model = await server.borrow(model_id, origin=origin_of(request.state.principal, body))
    request.state.borrowed.append(model.lease)
    return model


def takes(*kinds: type[BaseModel]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body that is read by `speaking`."""
    names = {schema_prefix(kind) + kind.__name__: kind for kind in kinds}
    BODIES.update(names)
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


FILE = {"type": "string", "format": "binary"}


def takes_form(required: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    """Return what the OpenAPI document says of a form, by the schemas of its fields."""
    form = {"type": "object", "properties": {**required, **others}, "required": [*required]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}}}


def schema_prefix(kind: type[BaseModel]) -> str:
    """Return what keeps types of the same name apart that belong to different APIs.

    >>> from ingot.serve.openai_api import ChatRequest
    >>> schema_prefix(ChatRequest)
    'openai_api.'
    """
    return kind.__module__.removeprefix("ingot.serve.") + "."


BODIES: dict[str, type[BaseModel]] = {}  # every type that a route was said to take
