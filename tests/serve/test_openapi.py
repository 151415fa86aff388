from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ingot.serve.app import create_app
from ingot.serve.local.keys import KeyFile
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from tests.serve.contract import audit, things
from tests.serve.running import Counting, listening, served
from tests.serve.scripted import ScriptedEngine

KEY = "a-key-of-a-person"


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
        "/v1/batches/{batch_id}/cancel",
        "/v1/batch/jobs/{batch_id}/cancel",
        "/v1/fine_tuning/jobs/{job_id}/cancel",
        "/v1/fine_tuning/jobs/{job_id}/pause",
        "/v1/fine_tuning/jobs/{job_id}/resume",
        "/v1/fine_tuning/models/{model_id}/archive",
    }
    chat = posts["/v1/chat/completions"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert [one["$ref"].rpartition("/")[2] for one in chat] == ["openai_api.ChatRequest", "mistral_api.ChatRequest"]
    assert "422" not in posts["/v1/chat/completions"]["responses"]


@pytest.fixture(scope="module")
def locked(scripted: ScriptedEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("contract")
    (folder / "keys").write_text(f"{KEY} operator training_jobs=2\n", encoding="utf-8")
    app = create_app(
        OneModel(served(scripted, "chat")), KeyFile(folder / "keys"), Counting(), FolderStore(folder / "store")
    )
    with listening(app) as address:
        yield address


def test_the_server_keeps_to_its_own_document(locked: str) -> None:
    found = audit(locked, KEY, 2, things(locked, KEY))
    assert not found.violations, "\n".join(found.violations.values())
    assert found.server_errors == 0
    assert found.operations > 50
    assert found.statuses[200] > 10
