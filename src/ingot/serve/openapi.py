"""The OpenAPI document: what FastAPI derives, and the bodies that `speaking` reads in one of two APIs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

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
