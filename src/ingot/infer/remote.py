"""An HTTP server of our own machine, or one we were told of: questions as JSON, answers whole or as a stream of events.

A stream is read by a thread of its own, so that whoever waits for the next event can stop waiting; closing it closes
the connection, which is how servers of models are told that nobody listens any more.
Source: WHATWG HTML, "Server-sent events", of which servers of models use the field `data` alone.
"""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ingot.core.errors import IngotError, UsageError
from ingot.infer.engine import Stop

_POLL_SECONDS = 0.05
_LAST = "[DONE]"
_SHOWN = 300


class AnsweredError(IngotError):
    """The server answered with an error; `status` is the HTTP one."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"the server answered {status}", why=body[:_SHOWN].decode("utf-8", errors="replace"))
        self.status = status


@dataclass(frozen=True)
class Address:
    """Where a server listens: `http://host:port`, `https://...`, or the path of a socket of this machine."""

    text: str
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.text)
        if not (self.text.startswith("/") or (parts.scheme in ("http", "https") and parts.hostname)):
            fix = "write it like http://10.0.0.5:8000, without a path"
            raise UsageError(f"{self.text!r} is no address of a server", where="address", fix=fix)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, seconds: float = 60.0) -> bytes:
        """Return the body of an answer. Raises AnsweredError for an error, OSError where nobody answers."""
        connection = self._connection(seconds)
        try:
            response = self._sent(connection, method, path, body)
            return response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def events(self, path: str, body: Mapping[str, Any], stop: Stop | None) -> Iterator[Any]:
        """Yield the events of a stream until it ends, `stop` says True, or the iterator is closed.

        Raises AnsweredError for an error, ConnectionError for a stream that breaks off.
        """
        connection = self._connection(None)
        arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        reader = threading.Thread(target=self._read, args=(connection, path, body, arrived), name="remote stream")
        reader.start()
        try:
            while stop is None or not stop():
                try:
                    event = arrived.get(timeout=None if stop is None else _POLL_SECONDS)
                except queue.Empty:
                    continue
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            _end(connection)
            reader.join()

    def _read(self, connection: http.client.HTTPConnection, path: str, body: Mapping[str, Any], arrived: Any) -> None:
        try:
            with self._sent(connection, "POST", path, body) as response:
                for line in response:
                    name, _, value = line.decode("utf-8").rstrip("\r\n").partition(":")
                    if name == "data" and value.strip() != _LAST:
                        arrived.put(json.loads(value))
                    elif name == "data":
                        arrived.put(None)
                        return
            arrived.put(ConnectionError("the stream broke off"))
        except IngotError as error:
            arrived.put(error)
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            # A response whose connection is closed meanwhile fails in any of these ways.
            arrived.put(ConnectionError(f"{type(error).__name__}: {error}"))

    def _connection(self, seconds: float | None) -> http.client.HTTPConnection:
        if self.text.startswith("/"):
            return _SocketConnection(self.text, seconds)
        parts = urlsplit(self.text)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=seconds)

    def _sent(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Mapping[str, Any] | None
    ) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            raise AnsweredError(response.status, response.read())
        return response


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a socket of this machine that has a path instead of a port."""

    def __init__(self, path: str, seconds: float | None) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _end(connection: http.client.HTTPConnection) -> None:
    """Close a connection that a thread may be reading from: it wakes up."""
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
    connection.close()
