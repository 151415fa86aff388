from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Message

from ingot.core.errors import EngineLostError, InputError
from ingot.core.storage import no_space
from ingot.serve.metrics import Metrics
from ingot.serve.refused import add_handlers, tell


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    app.state.server = SimpleNamespace(metrics=Metrics())
    add_handlers(app)
    return app


def test_a_full_disk_is_said_without_the_servers_folders(app: FastAPI) -> None:
    @app.post("/v1/files")
    def _keep() -> None:
        raise no_space(Path("/srv"))

    response = TestClient(app).post("/v1/files")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
    assert "disk is full" in response.text
    assert "/srv" not in response.text


def test_a_path_that_is_not_there_names_the_list_of_those_that_are(app: FastAPI) -> None:
    message = TestClient(app).get("/v1/v1/models").json()["error"]["message"]
    assert "GET /v1/v1/models: Not Found" in message
    assert "/openapi.json" in message


def sent_of(error: Exception, app: FastAPI) -> list[Message]:
    """Return what is sent of an error; one that is raised again comes last."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    scope = {"type": "http", "method": "POST", "path": "/v1/completions", "headers": [], "app": app}
    try:
        asyncio.run(tell(error, scope, receive, send))
    except ZeroDivisionError as raised:
        sent.append({"raised": raised})
    return sent


def test_an_error_is_told_by_what_it_is(app: FastAPI) -> None:
    head, body = sent_of(EngineLostError("the engine is gone"), app)
    assert head["status"] == 503
    assert b"engine_lost" in body["body"]


def test_what_nobody_expected_is_told_and_raised_again(app: FastAPI) -> None:
    error = ZeroDivisionError()
    head, body, last = sent_of(error, app)
    assert head["status"] == 500
    assert b"its log says why" in body["body"]
    assert last["raised"] is error


@pytest.mark.parametrize(("where", "param"), [("/srv/models/acme", None), ("messages[0]", "messages[0]")])
def test_a_place_in_the_servers_files_is_not_told(app: FastAPI, where: str, param: str | None) -> None:
    @app.post("/v1/files")
    def _read() -> None:
        raise InputError("it cannot be read", where=where, why="it is empty", fix="send another")

    response = TestClient(app).post("/v1/files")
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "it cannot be read: it is empty; send another"
    assert response.json()["error"]["param"] == param
