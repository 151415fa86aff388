from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_the_document_describes_every_body_and_refers_to_nothing_missing(address: str) -> None:
    document = httpx.get(f"{address}/openapi.json").json()
    schemas = document["components"]["schemas"]
    missing = [one for one in references(document) if one.removeprefix("#/components/schemas/") not in schemas]
    assert not missing
    posts = {path: methods["post"] for path, methods in document["paths"].items() if "post" in methods}
    bodiless = {path for path, post in posts.items() if "requestBody" not in post}
    assert bodiless == {
        "/v1/files",
        "/v1/batches/{batch_id}/cancel",
        "/v1/audio/transcriptions",
        "/v1/batch/jobs/{batch_id}/cancel",
        "/v1/fine_tuning/jobs/{job_id}/cancel",
        "/v1/fine_tuning/jobs/{job_id}/pause",
        "/v1/fine_tuning/jobs/{job_id}/resume",
        "/v1/fine_tuning/models/{model_id}/archive",
    }
    chat = posts["/v1/chat/completions"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert [one["$ref"].rpartition("/")[2] for one in chat] == ["openai_api.ChatRequest", "mistral_api.ChatRequest"]
    assert "422" not in posts["/v1/chat/completions"]["responses"]
