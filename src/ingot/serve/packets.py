"""The head of an answer and its body leave in one piece where both are there at once.

uvicorn writes them one after the other. Each write is a packet and wakes whoever waits for it, which costs more than
most of what a short answer needs. A head whose body takes longer, such as that of a stream, leaves on its own.
"""

from __future__ import annotations

import asyncio

_BEGINS = b"HTTP/1.1 "  # nothing depends on it: a piece of a body that begins so leaves one turn of the loop later


class HeadWithBody(asyncio.Transport):
    """The transport of one connection as an answer sees it. Belongs to the loop of the connection."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport, self._loop = transport, loop
        self._head = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send a piece, a head with what is written before the loop turns."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(b"".join((head, data)))
        elif data[: len(_BEGINS)] == _BEGINS:
            self._head = bytes(data)
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection once everything is sent."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Say whether the connection is closed, or about to be."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)
