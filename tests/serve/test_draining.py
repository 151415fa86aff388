"""SIGTERM: what was taken on is finished, nothing new is taken, and nobody's connection is reset."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections import Counter
from typing import Any

import httpx
import uvicorn

from ingot.serve.app import create_app
from ingot.serve.connections import settings
from ingot.serve.draining import DrainingServer
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from tests.serve.running import Counting, PacedEngine, eventually, served
from tests.serve.scripted import ScriptedEngine

BODY: dict[str, Any] = {"model": "acme", "prompt": "x", "max_tokens": 6, "temperature": 0, "stream": True}


def test_a_server_that_is_told_to_end(engine: PacedEngine, store: FolderStore) -> None:
    app = create_app(OneModel(served(engine)), Anybody(), Counting(), store)
    config = uvicorn.Config(app, port=0, log_level="critical", ws="none")
    server = DrainingServer(config, app.state.server, drain_seconds=20.0)
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    allowed = engine.hold()
    with httpx.Client(timeout=20) as client, client.stream("POST", f"{address}/v1/completions", json=BODY) as answer:
        allowed.release(1)
        lines = answer.iter_lines()
        next(lines)
        assert client.get(f"{address}/readyz").status_code == 200
        server.handle_exit(signal.SIGTERM, None)
        with httpx.Client() as other:
            assert other.get(f"{address}/readyz").status_code == 503
            assert other.get(f"{address}/healthz").status_code == 200
            refused = other.post(f"{address}/v1/completions", json=BODY)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        allowed.release(100)
        assert list(lines)[-2] == "data: [DONE]"
    thread.join(20)
    assert not thread.is_alive()


def test_nobody_is_reset_when_it_ends_under_load(scripted: ScriptedEngine, store: FolderStore) -> None:
    app = create_app(OneModel(served(scripted, "chat")), Anybody(), Counting(), store)
    listener = socket.create_server(("127.0.0.1", 0))
    server = DrainingServer(settings(app, app.state.server.gateway, log_level="critical"), app.state.server)
    running = threading.Thread(target=lambda: server.run(sockets=[listener]))
    running.start()
    eventually(lambda: server.started)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/chat/completions"
    body = {"model": "acme", "messages": [{"role": "user", "content": "Hi. " * 200}]}
    seen: Counter[int | str] = Counter()

    def ask() -> None:
        with httpx.Client(timeout=20) as client:
            while True:
                try:
                    status = client.post(address, json=body).status_code
                except httpx.ConnectError:
                    return  # the door is closed
                except httpx.TransportError as error:
                    status = repr(error)
                seen[status] += 1
                if status == 503:
                    time.sleep(0.01)

    askers = [threading.Thread(target=ask) for _ in range(6)]
    for asker in askers:
        asker.start()
    eventually(lambda: seen[200] >= 12)
    server.handle_exit(signal.SIGTERM, None)
    for thread in (*askers, running):
        thread.join(20)
        assert not thread.is_alive()
    assert set(seen) == {200, 503}
