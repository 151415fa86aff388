"""Connections that ask nothing must not keep out those that do.

A caller may open a connection and send half a request, or one byte a minute, or nothing ("slowloris"): each holds a
descriptor of this process, and when none is left nobody comes in any more. Two rules, kept by the HTTP protocol itself:

    1. the head of a request arrives within some seconds and is of bounded size, or the connection is closed
    2. of connections without a request there are at most half as many as descriptors; for one more, the one that has
       waited longest is closed

Bodies have their own deadline (see doors), and answers theirs (see gateway).
"""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ingot.serve.gateway import Gateway
from ingot.serve.packets import HeadWithBody

HEAD_SECONDS = 10.0
MOST_HEAD_BYTES = 64 << 10
MOST_IDLE = 10_000
_LAST_SECONDS = 0.5  # for the request of a connection that was just opened when the server ends


class Idle:
    """The connections of one server that have no request, the one that has waited longest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, connection: Connection) -> None:
        """Let a connection wait; the one that has waited longest is closed when there are too many."""
        self._waiting[connection] = None
        if len(self._waiting) > self._most:
            longest = next(iter(self._waiting))
            self.drop(longest)
            longest.transport.close()

    def drop(self, connection: Connection) -> None:
        """A connection has a request, or is gone."""
        self._waiting.pop(connection, None)


class Connection(HttpToolsProtocol):
    """uvicorn's connection, with a limit on how long it may ask nothing."""

    def __init__(self, *given: Any, gateway: Gateway, idle: Idle, head_seconds: float, **more: Any) -> None:
        super().__init__(*given, **more)
        self._gateway, self._idle, self._head_seconds = gateway, idle, head_seconds
        self._deadline: asyncio.TimerHandle | None = None
        self._is_in_head, self._head_bytes = False, 0
        self._has_asked = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first request."""
        super().connection_made(transport)
        self._answers = HeadWithBody(transport, self.loop)
        # A stream is written in pieces. With Nagle's algorithm the second one waits for the first to be confirmed,
        # which callers put off for 40 ms; asyncio switches it off only where the listener names its protocol.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._idle.add(self)
        self._expect_head(self._head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a piece of a request; a connection without one has not long to send it whole."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self.send_400_response("The head of the request is too large.")
                return
        if self._is_waiting and self._deadline is None:
            self._expect_head(self._head_seconds)

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer; the last answers of a server that is about to end say that there will be no more."""
        self._is_in_head = False
        self._stop_waiting()
        super().on_headers_complete()
        self._has_asked = True
        self.cycle.transport = self._answers
        if self._gateway.is_draining:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self._is_waiting and not self.transport.is_closing():
            self._idle.add(self)
            if self._is_in_head:
                self._expect_head(self._head_seconds)

    def shutdown(self) -> None:
        """Close the connection, now or after its answer; one that has only just been opened may still ask."""
        if not self._has_asked:
            self._expect_head(_LAST_SECONDS)
        else:
            super().shutdown()

    @property
    def _is_waiting(self) -> bool:
        return not self._has_asked or self.cycle.response_complete

    def _expect_head(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        self._idle.drop(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def settings(
    app: ASGIApp,
    gateway: Gateway,
    head_seconds: float = HEAD_SECONDS,
    context: ssl.SSLContext | None = None,
    **more: Any,
) -> uvicorn.Config:
    """Return how to run the application behind a gateway so that connections keep the rules; `more` is uvicorn's.

    With a `context` they are encrypted.
    """
    if context is not None:
        # Where uvloop is installed, uvicorn runs on it. It cannot end while somebody has connected and not finished the
        # handshake of TLS ("device or resource busy", uvloop 0.23), so one silent caller would spoil the end.
        more |= {"ssl_context_factory": lambda *_: context, "loop": "asyncio"}
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = MOST_IDLE if descriptors == resource.RLIM_INFINITY else min(MOST_IDLE, max(1, descriptors // 2))
    connection = partial(Connection, gateway=gateway, idle=Idle(most), head_seconds=head_seconds)
    # A factory serves uvicorn as well as a class does: it only ever calls it.
    return uvicorn.Config(app, http=connection, ws="none", **more)  # type: ignore[arg-type]
