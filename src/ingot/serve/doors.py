"""Who may come in, decided before a byte of the body is read.

A server on a laptop is reachable from every web page its owner opens: a page may point its own name at 127.0.0.1 and
then speak to the server as if it were its own ("DNS rebinding"). So the name a request was addressed to must be one
this server is known by. No other origin is ever allowed to read an answer: there are no CORS headers.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingot.serve.gateway import Gateway
from ingot.serve.openai_api import ApiError
from ingot.serve.ports import Authenticator

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN_PATHS = frozenset({"/health"})  # asked by machines that hold no key


@dataclass(frozen=True)
class KnownAs:
    """The names a server may be addressed by. A page cannot rebind an address, so all of those may be let in."""

    names: frozenset[str] = LOOPBACK_NAMES
    any_address: bool = False

    def includes(self, name: str) -> bool:
        """Say whether a request for this name is meant for this server."""
        return name in self.names or (self.any_address and _is_address(name))


class Doors:
    """Checks the Host header, the API key, whether there is room, and the announced size of the body, in this order."""

    def __init__(self, app: ASGIApp, known_as: KnownAs, authenticator: Authenticator, gateway: Gateway) -> None:
        self._app, self._known_as, self._authenticator, self._gateway = app, known_as, authenticator, gateway
        self._body_bytes = gateway.limits.body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope, Headers(scope=scope))
        except ApiError as error:
            refusal = Response(error.as_json(), error.status, error.headers, "application/json")
            await refusal(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, self._body_bytes), send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        name = host_name(headers.get("host", ""))
        if not self._known_as.includes(name):
            names = ", ".join(sorted(self._known_as.names))
            raise ApiError(403, f"this server is not known as {name!r}: address it as {names}", code="host_not_allowed")
        if scope["path"] not in OPEN_PATHS:
            principal = self._authenticator.principal(_bearer(headers.get("authorization", "")))
            if principal is None:
                raise ApiError(401, "send a valid API key: 'Authorization: Bearer YOUR_KEY'", code="invalid_api_key")
            scope.setdefault("state", {})["principal"] = principal
        if scope["method"] == "POST":
            self._gateway.refuse_if_full()
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._body_bytes:
            raise ApiError(413, _too_large(self._body_bytes), code="request_too_large")


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


def _bounded(receive: Receive, most: int) -> Receive:
    """Count a body that did not announce its size, and end the request when it grows too large."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413, _too_large(most))
        return message

    return bounded


def _too_large(most: int) -> str:
    return f"the request is larger than {most} bytes: send less text"
