"""Who may come in, decided before a byte of the body is read.

A server on a laptop is reachable from every web page its owner opens: a page may point its own name at 127.0.0.1 and
then speak to the server as if it were its own ("DNS rebinding"). So the name a request was addressed to must be one
this server is known by. No other origin is ever allowed to read an answer: there are no CORS headers.
"""

from __future__ import annotations

import asyncio
import ipaddress
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingot.serve.links import PATH as LINKS
from ingot.serve.ports import Authenticator, Lease, Principal
from ingot.serve.refusal import Refusal
from ingot.serve.refused import tell
from ingot.serve.server import Server
from ingot.serve.tracing import trace_of

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN_PATHS = frozenset({"/health", "/healthz", "/readyz"})  # asked by machines that hold no key
AUDIO = "/v1/audio/transcriptions"
_MOST_AUDIO_BYTES = 26 << 20
NOBODY = Principal("nobody")
_REST_SECONDS = 1.0
_WITHOUT_ROOM = ("/v1/files", "/v1/batch", "/v1/fine_tuning")


@dataclass(frozen=True)
class KnownAs:
    """The names a server may be addressed by. A page cannot rebind an address, so all of those may be let in."""

    names: frozenset[str] = LOOPBACK_NAMES
    any_address: bool = False

    def includes(self, name: str) -> bool:
        """Say whether a request for this name is meant for this server."""
        return name in self.names or (self.any_address and _is_address(name))


class Doors:
    """Checks the Host header, the API key, whether there is room, and the announced size of the body, in this order.

    It stands before everything else, so errors from inside are told here as well, where nothing was answered yet.
    """

    def __init__(self, app: ASGIApp, known_as: KnownAs, authenticator: Authenticator, server: Server) -> None:
        self._app, self._known_as, self._authenticator, self._server = app, known_as, authenticator, server
        self._limits = server.gateway.limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here; tell what goes wrong inside. What it borrowed is given back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        borrowed: list[Lease] = []
        is_inside = has_begun = False

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            principal = self._check(scope["path"], headers)
            scope.setdefault("state", {}).update(principal=principal, borrowed=borrowed)
            most = self._most_bytes(scope["path"])
            with self._room(scope, principal):
                _refuse_large(headers, most)
                is_inside = True
                await self._app(scope, _bounded(receive, most, self._limits.body_seconds), noted)
        except Exception as error:
            if has_begun:
                raise
            if self._server.gateway.is_draining and not is_inside:
                await _read_up(receive)
            await tell(error, scope, receive, send)
        finally:
            for lease in borrowed:
                lease.give_back()

    def _check(self, path: str, headers: Headers) -> Principal:
        hosts = headers.getlist("host")
        if len(hosts) > 1:  # who asks in between may have read the other one (RFC 9112, section 3.2)
            raise Refusal(400, "the request has more than one Host header: send one", code="invalid_host")
        name = host_name(hosts[0] if hosts else "")
        if not self._known_as.includes(name):
            names = ", ".join(sorted(self._known_as.names))
            raise Refusal(403, f"this server is not known as {name!r}: address it as {names}", code="host_not_allowed")
        if path in OPEN_PATHS or path.startswith(LINKS):  # a link carries its own proof
            return NOBODY
        key = _bearer(headers.get("authorization", ""))
        principal = self._authenticator.principal(key)
        if principal is None:
            asks = "this server asks for an API key: send it as Authorization: Bearer KEY"
            unknown = "the API key is none of this server's: ask whoever runs it for one"
            raise Refusal(401, asks if key is None else unknown, code="invalid_api_key")
        trace = trace_of(headers.get("traceparent", ""))
        return replace(principal, trace=trace) if trace else principal

    def _room(self, scope: Scope, principal: Principal) -> AbstractContextManager[None]:
        # Only what may generate takes up room; lists and files are answered however full it is.
        generates = scope["method"] == "POST" and not scope["path"].startswith(_WITHOUT_ROOM)
        return self._server.gateway.visit(principal) if generates else nullcontext()

    def _most_bytes(self, path: str) -> int:
        if path == "/v1/files":
            return self._limits.file_bytes
        return min(_MOST_AUDIO_BYTES, self._limits.file_bytes) if path == AUDIO else self._limits.body_bytes


def host_name(header: str) -> str:
    """Return the name in a Host header, without port and brackets, in lower case."""
    name = header.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.rpartition(":")[0] if name.count(":") == 1 else name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _bearer(header: str) -> str | None:
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def _bounded(receive: Receive, most: int, seconds: float) -> Receive:
    """Count a body that did not announce its size, and end a request that grows too large or comes too slowly.

    One that never sends the rest of its body would keep its place for ever.
    """
    seen, is_whole = 0, False
    deadline = asyncio.get_running_loop().time() + seconds

    async def bounded() -> Message:
        nonlocal seen, is_whole
        if is_whole:
            return await receive()  # what follows is the end of the connection, whenever it comes
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"the body was not whole within {seconds:g} seconds: send it again") from None
        is_whole = not message.get("more_body", False)
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413, _too_large(most))
        return message

    return bounded


async def _read_up(receive: Receive) -> None:
    """Read the rest of a body nobody wants, if it comes at once.

    The connection is closed after the refusal, and closing one with unread bytes would take the refusal back.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_REST_SECONDS):
            while (await receive()).get("more_body", False):
                pass


def _refuse_large(headers: Headers, most: int) -> None:
    announced = headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > most:
        raise Refusal(413, _too_large(most), code="request_too_large")


def _too_large(most: int) -> str:
    return f"the request is larger than {most} bytes: send less text"
