"""Connections that ask nothing: they are closed, and nobody else notices them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from ingot.serve.connections import MOST_HEAD_BYTES, settings
from ingot.serve.gateway import Gateway, Limits
from tests.serve.running import eventually

HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        headers = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello"})


@contextmanager
def running(head_seconds: float, gateway: Gateway | None = None) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = settings(hello, gateway or Gateway(Limits()), head_seconds, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    eventually(lambda: server.started)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def connected(port: int, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(sent)
    return connection


@pytest.mark.parametrize("sent", [b"", HALF, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + HALF])
def test_one_that_does_not_ask_is_closed(sent: bytes) -> None:
    with running(0.2) as port, connected(port, sent) as connection:
        received = b""
        while piece := connection.recv(4096):
            received += piece
    assert received.endswith(b"hello" if sent.startswith(b"GET / HTTP/1.1\r\nHost: a") else b"")


def test_one_that_asks_now_and_then_stays() -> None:
    with running(0.3) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(4):
            assert client.get("/").text == "hello"
            asyncio.run(asyncio.sleep(0.15))
        assert client.get("/").text == "hello"


def test_the_head_of_a_request_is_bounded() -> None:
    with running(20) as port, connected(port, HALF) as connection:
        with suppress(OSError):
            connection.sendall(b"x" * 8 * MOST_HEAD_BYTES)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_server_that_ends_says_so_on_every_connection() -> None:
    gateway = Gateway(Limits())
    with running(20, gateway) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert "connection" not in client.get("/").headers
        gateway.is_draining = True
        assert client.get("/").headers["connection"] == "close"


FEW = """
import resource, socket, sys, uvicorn
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
from ingot.serve.connections import settings
from ingot.serve.gateway import Gateway, Limits
from tests.serve.test_connections import hello
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(settings(hello, Gateway(Limits()), log_level="critical", lifespan="off")).run(sockets=[listener])
"""


def test_more_half_open_connections_than_descriptors_keep_nobody_out() -> None:
    """200 callers hold half a request, and the process may open 128 files."""
    process = subprocess.Popen([sys.executable, "-c", FEW], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        port = int(process.stdout.readline())
        halves = [connected(port, HALF) for _ in range(200)]
        try:
            for _ in range(5):
                assert httpx.get(f"http://127.0.0.1:{port}/", timeout=20).text == "hello"
        finally:
            for half in halves:
                half.close()
            process.terminate()
            process.wait(20)


def test_tls_runs_on_the_loop_that_ends_cleanly() -> None:
    assert settings(hello, Gateway(Limits()), context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)).loop == "asyncio"
