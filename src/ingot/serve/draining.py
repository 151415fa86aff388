"""A server that is told to end first finishes what it has taken on.

On SIGTERM it says at once that it takes no more (`/readyz` and new questions answer 503, with Retry-After, and every
answer closes its connection), so that whoever spreads the load goes elsewhere. It keeps listening until the last answer
is out, or the limit is reached. Closing a listener resets whoever the kernel has let in and the server has not met: so
they are met first, and hear their 503. Ctrl+C ends it as usual.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from types import FrameType

import uvicorn

from ingot.serve.server import Server

_HANDSHAKE_SECONDS = 2.0  # of TLS, for those who are at the door when it closes
_QUIET_SECONDS = 0.5  # how long nobody must be inside: time for those who spread the load to notice


class DrainingServer(uvicorn.Server):
    """Runs an application whose `state.server` is a :class:`Server`."""

    def __init__(self, config: uvicorn.Config, server: Server, drain_seconds: float = 30.0) -> None:
        super().__init__(config)
        self._gateway, self._drain_seconds = server.gateway, drain_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain on the first SIGTERM; end on a second signal, or any other."""
        if sig == signal.SIGTERM and not self._gateway.is_draining:
            self._gateway.is_draining = True
        else:
            super().handle_exit(sig, frame)

    async def main_loop(self) -> None:
        """Run until it is time to end."""
        drain = asyncio.create_task(self._drain())
        try:
            await super().main_loop()
        finally:
            drain.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Meet those who are at the door already, then close it."""
        met = [asyncio.create_task(self._meet(caller)) for listener in sockets or () for caller in _callers(listener)]
        await super().shutdown(sockets)  # closes the listeners before it waits for anything
        await asyncio.gather(*met)

    async def _meet(self, caller: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        protocol: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        make = partial(protocol, self.config, self.server_state, self.lifespan.state)
        most = _HANDSHAKE_SECONDS if self.config.ssl else None
        try:
            made = await loop.connect_accepted_socket(make, caller, ssl=self.config.ssl, ssl_handshake_timeout=most)
        except OSError:  # who does not speak TLS has nothing to hear
            return
        made[1].shutdown()  # type: ignore[attr-defined]  # all of uvicorn's protocols have it

    async def _drain(self) -> None:
        while not self._gateway.is_draining:
            await asyncio.sleep(0.05)
        deadline = time.monotonic() + self._drain_seconds
        quiet_since = time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - quiet_since < _QUIET_SECONDS:
            await asyncio.sleep(0.05)
            if self._gateway.inside:
                quiet_since = time.monotonic()
        self.should_exit = True


def _callers(listener: socket.socket) -> Iterator[socket.socket]:
    """Yield the connections that the kernel holds for a listener."""
    listener.setblocking(False)
    with suppress(OSError):  # nobody is left, or no descriptor
        while True:
            yield listener.accept()[0]
