"""The head of an answer travels with its body, where there is one at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from ingot.serve.connections import settings
from ingot.serve.gateway import Gateway, Limits
from ingot.serve.packets import HeadWithBody


class _Wire(asyncio.Transport):
    """Keeps what is written, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed, "nothing is written to a connection that is closed"
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def pieces_of(write: Callable[[HeadWithBody], AsyncIterator[None]]) -> list[bytes]:
    async def scenario() -> list[bytes]:
        wire = _Wire()
        async for _ in write(HeadWithBody(wire, asyncio.get_running_loop())):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return wire.pieces

    return asyncio.run(scenario())


async def _at_once(answer: HeadWithBody) -> AsyncIterator[None]:
    answer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    answer.write(b"body")
    answer.write(b"more")
    yield


async def _later(answer: HeadWithBody) -> AsyncIterator[None]:
    answer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    yield
    answer.write(b"body")


async def _closed(answer: HeadWithBody) -> AsyncIterator[None]:
    answer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    answer.close()
    assert answer.is_closing()
    yield


async def _two_answers(answer: HeadWithBody) -> AsyncIterator[None]:
    for _ in range(2):
        answer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        answer.write(b"body")
    yield


@pytest.mark.parametrize(
    ("write", "pieces"),
    [
        (_at_once, [b"HTTP/1.1 200 OK\r\n\r\nbody", b"more"]),
        (_later, [b"HTTP/1.1 200 OK\r\n\r\n", b"body"]),
        (_closed, [b"HTTP/1.1 204 No Content\r\n\r\n"]),
        (_two_answers, [b"HTTP/1.1 200 OK\r\n\r\nbody"] * 2),
    ],
)
def test_what_is_written_leaves_in_these_pieces(
    write: Callable[[HeadWithBody], AsyncIterator[None]], pieces: list[bytes]
) -> None:
    assert pieces_of(write) == pieces


async def _slow(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()


async def _empty(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


@contextlib.contextmanager
def _serving(app: ASGIApp) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(settings(app, Gateway(Limits()), lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.force_exit = server.should_exit = True
        thread.join(20)


@pytest.mark.parametrize("app", [_slow, _empty])
def test_a_head_is_here_before_its_body_and_without_one(app: ASGIApp) -> None:
    with _serving(app) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in caller.recv(4096)
