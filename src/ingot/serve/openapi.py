"""The OpenAPI document: what FastAPI derives, and the bodies that `speaking` reads in one of two APIs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ingot.serve import mistral_api, openai_api
from ingot.serve.conversations.request import AgentRequest, AppendRequest, RestartRequest, StartRequest
from ingot.serve.responses.request import ResponseRequest
from ingot.serve.routes import batches

_BODIES: tuple[type[BaseModel], ...] = (
    openai_api.ChatRequest,
    openai_api.CompletionRequest,
    openai_api.EmbeddingRequest,
    mistral_api.ChatRequest,
    mistral_api.FimRequest,
    mistral_api.EmbeddingRequest,
    batches.BatchRequest,
    batches.JobRequest,
    ResponseRequest,
    AgentRequest,
    StartRequest,
    AppendRequest,
    RestartRequest,
)


def document(app: FastAPI) -> None:
    """Let an application describe the bodies of its requests, and how it refuses."""
    derive = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        whole = derive()
        schemas = whole.setdefault("components", {}).setdefault("schemas", {})
        # A prefix keeps the two APIs' types of the same name apart.
        for kind in _BODIES:
            prefix = kind.__module__.rpartition(".")[2]
            _, made = models_json_schema(
                [(kind, "validation")], ref_template=f"#/components/schemas/{prefix}.{{model}}"
            )
            schemas.update({f"{prefix}.{name}": schema for name, schema in made["$defs"].items()})
        for operation in _operations(whole):
            operation["responses"].pop("422", None)
            operation["responses"]["4XX"] = _REFUSED
            operation["responses"]["5XX"] = _REFUSED
        app.openapi_schema = whole
        return whole

    app.openapi = complete  # type: ignore[method-assign]  # FastAPI's documented way to change the document


def _operations(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in whole["paths"].values():
        yield from methods.values()


_REFUSED = {
    "description": "Refused, in the form of the API that was spoken.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}
