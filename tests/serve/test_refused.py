from __future__ import annotations

from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ingot.core.errors import InputError
from ingot.serve.metrics import Metrics
from ingot.serve.refused import add_handlers


@pytest.mark.parametrize(("where", "param"), [("/srv/models/acme", None), ("messages[0]", "messages[0]")])
def test_a_place_in_the_servers_files_is_not_told(where: str, param: str | None) -> None:
    app = FastAPI()
    app.state.server = SimpleNamespace(metrics=Metrics())
    add_handlers(app)

    @app.post("/v1/files")
    def _read() -> None:
        raise InputError("it cannot be read", where=where, why="it is empty", fix="send another")

    response = TestClient(app).post("/v1/files")
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "it cannot be read: it is empty; send another"
    assert response.json()["error"]["param"] == param
