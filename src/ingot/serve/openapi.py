"""The OpenAPI document: what FastAPI derives, and the bodies that `speaking` reads in one of two APIs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from ingot.serve.doors import OPEN_PATHS
from ingot.serve.links import PATH as LINKS
from ingot.serve.routes.given import BODIES, schema_prefix


def document(app: FastAPI) -> None:
    """Let an application describe the bodies of its requests, and how it refuses."""
    derive = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        whole = derive()
        schemas = whole.setdefault("components", {}).setdefault("schemas", {})
        for kind in BODIES.values():
            prefix = schema_prefix(kind)
            _, made = models_json_schema([(kind, "validation")], ref_template=f"#/components/schemas/{prefix}{{model}}")
            schemas.update({f"{prefix}{name}": schema for name, schema in made["$defs"].items()})
        whole["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        for path, operation in _operations(whole):
            operation["security"] = [] if path in OPEN_PATHS or path.startswith(LINKS) else [{"key": []}]
            if _may_stream(operation, schemas):
                operation["responses"]["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
            operation["responses"].pop("422", None)
            operation["responses"]["4XX"] = _REFUSED
            operation["responses"]["5XX"] = _REFUSED
        app.openapi_schema = whole
        return whole

    app.openapi = complete  # type: ignore[method-assign]  # FastAPI's documented way to change the document


def _operations(whole: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in whole["paths"].items():
        yield from ((path, operation) for operation in methods.values())


def _may_stream(operation: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Say whether one of the bodies that an operation takes can ask for a stream."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    named = [one["$ref"].rpartition("/")[2] for one in body.get("anyOf", [body]) if "$ref" in one]
    return any("stream" in schemas[name].get("properties", {}) for name in named)


_REFUSED = {
    "description": "Refused, in the form of the API that was spoken.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}
