"""A client that costs next to nothing: one request at a time on a connection that stays open.

A full client takes longer for a request than the gateway does; what is measured must not be the client.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any


class Connection:
    """One connection to a server on loopback."""

    def __init__(self, port: int, key: str | None = None) -> None:
        self._port = port
        self._own = "" if key is None else f"Authorization: Bearer {key}\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._is_over = False  # the server has said that this answer is the last on this connection

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """Return the status and the whole body of an answer."""
        status, chunks = await self.begin(path, body)
        return status, b"".join([chunk async for chunk in chunks])

    async def get(self, path: str) -> tuple[int, bytes]:
        """Return the status and the whole body of an answer."""
        status, chunks = await self._ask("GET", path, b"")
        return status, b"".join([chunk async for chunk in chunks])

    async def begin(self, path: str, body: dict[str, Any]) -> tuple[int, AsyncGenerator[bytes, None]]:
        """Send a request; return the status and the chunks of its answer as they come."""
        return await self._ask("POST", path, json.dumps(body).encode())

    async def _ask(self, method: str, path: str, content: bytes) -> tuple[int, AsyncGenerator[bytes, None]]:
        if self._is_over or (self._streams is not None and self._streams[0].at_eof()):
            self.close()  # the server keeps a connection that nobody uses for a few seconds only
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{self._own}"
        writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        self._is_over = "connection: close" in answer
        status = int(answer.split(" ", 2)[1])
        length = answer.partition("content-length: ")[2].partition("\r\n")[0]
        return status, _sized(reader, int(length)) if length else _chunked(reader)

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams, self._is_over = None, False


async def _sized(reader: asyncio.StreamReader, length: int) -> AsyncGenerator[bytes, None]:
    yield await reader.readexactly(length)


async def _chunked(reader: asyncio.StreamReader) -> AsyncGenerator[bytes, None]:
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
