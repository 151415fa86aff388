"""The HTTP application: five routes, and one shape for everything that goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ingot.core.errors import InputError
from ingot.serve.answering import Answering
from ingot.serve.doors import Doors, KnownAs
from ingot.serve.gateway import Gateway, Limits
from ingot.serve.misread import misread
from ingot.serve.openai_api import ApiError, ChatRequest, CompletionRequest, ModelCard, ModelList
from ingot.serve.ports import Authenticator, Meter, ModelSource, ServedModel
from ingot.serve.reply import ChatDialect, CompletionDialect
from ingot.serve.request import from_chat, from_completion


class Server:
    """What the routes work with: the models, the slots, and who counts."""

    def __init__(self, source: ModelSource, meter: Meter, limits: Limits) -> None:
        self.source, self.meter = source, meter
        self.gateway = Gateway(limits)

    def model(self, model_id: str) -> ServedModel:
        """Return the model a request names. Raises ApiError 404 naming those there are."""
        found = self.source.find(model_id)
        if found is not None:
            return found
        known = ", ".join(model.id for model in self.source.models())
        raise ApiError(
            404, f"there is no model {model_id!r} here; served: {known}", param="model", code="model_not_found"
        )


def create_app(
    source: ModelSource,
    authenticator: Authenticator,
    meter: Meter,
    limits: Limits | None = None,
    known_as: KnownAs | None = None,
) -> FastAPI:
    """Return the application; without `known_as` it answers only to the names of loopback."""
    server = Server(source, meter, limits or Limits())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        server.gateway.close()

    # The interactive pages would load scripts from elsewhere; the schema itself stays at /openapi.json.
    app = FastAPI(title="Ingot", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.server = server
    app.include_router(router)
    app.add_middleware(Doors, known_as=known_as or KnownAs(), authenticator=authenticator, gateway=server.gateway)
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(RequestValidationError, _misread)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(InputError, _unanswerable)
    app.add_exception_handler(Exception, _failed)
    return app


router = APIRouter()


def _server(request: Request) -> Server:
    server = request.app.state.server
    assert isinstance(server, Server)
    return server


ServerHere = Annotated[Server, Depends(_server)]


@router.get("/health")
async def health(server: ServerHere) -> dict[str, Any]:
    """Say that the server is up, what it serves and how busy it is."""
    gateway = server.gateway
    models = [model.id for model in server.source.models()]
    return {"status": "ok", "models": models, "active": gateway.active, "waiting": gateway.waiting}


@router.get("/v1/models")
async def list_models(server: ServerHere) -> ModelList:
    """List the served models."""
    return ModelList(data=[_card(model) for model in server.source.models()])


@router.get("/v1/models/{model_id}")
async def get_model(model_id: str, server: ServerHere) -> ModelCard:
    """Describe one served model."""
    return _card(server.model(model_id))


@router.post("/v1/completions")
async def completions(body: CompletionRequest, request: Request, server: ServerHere) -> Response:
    """Continue text."""
    asked = from_completion(body, server.model(body.model))
    return Answering(asked, CompletionDialect(asked), server.gateway, server.meter, request.state.principal)


@router.post("/v1/chat/completions")
async def chat_completions(body: ChatRequest, request: Request, server: ServerHere) -> Response:
    """Answer a conversation; a base model continues it."""
    asked = from_chat(body, server.model(body.model))
    return Answering(asked, ChatDialect(asked), server.gateway, server.meter, request.state.principal)


def _card(model: ServedModel) -> ModelCard:
    return ModelCard(
        id=model.id,
        created=model.created,
        owned_by="ingot",
        reference=model.reference,
        type=model.kind,
        max_model_len=model.engine.context,
        engine=model.engine.name,
    )


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return Response(error.as_json(), error.status, error.headers, "application/json")


def _misread(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _refused(request, misread(error.errors()))


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}"
    if error.status_code == 400:
        # Whatever the JSON parser gives up on other than by an error of syntax: its nesting, its encoding.
        message = "the body cannot be read: send one JSON object in UTF-8, not nested a thousand levels deep"
    refusal = _refused(request, ApiError(error.status_code, message))
    refusal.headers.update(error.headers or {})
    return refusal


def _unanswerable(request: Request, error: Exception) -> Response:
    assert isinstance(error, InputError)
    return _refused(request, ApiError(400, " ".join(filter(None, (error.what, error.why, error.fix)))))


def _failed(request: Request, error: Exception) -> Response:
    # The cause goes to the server's log, not to the caller: it may name files and people.
    return _refused(request, ApiError(500, "the server failed to answer; its log says why"))
