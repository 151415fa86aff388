"""The rules of core/fetch for libraries that make connections of their own: a proxy on loopback that they are given.

A client for object stores, or a browser, resolves names, follows redirects and looks for a proxy by itself. Told to use
this one, each of its connections is named here first: the host must be allowed, it is resolved once, its addresses are
checked, and the bytes are passed on to that address unread. The proxy asks for a password of its own, so that no other
program of the machine can borrow it.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import select
import socket
import threading
from collections.abc import Iterator
from types import TracebackType

from ingot.core.addresses import Resolve, Target, addresses, check_name, read_url, system_addresses
from ingot.core.errors import InputError
from ingot.core.fetch import Network, proxy_authorization

_MOST_HEAD_BYTES = 64 << 10
_CHUNK_BYTES = 256 << 10


class GuardedProxy:
    """Runs until its block ends. `url` is what a library is given; `refused` holds what it wanted and may not have."""

    def __init__(self, network: Network, *, resolve: Resolve = system_addresses) -> None:
        self.network = network
        self.refused: list[InputError] = []
        self.connections = 0
        self.received_bytes = 0
        self._resolve = resolve
        self._word = secrets.token_urlsafe(16)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._is_closed = False
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The address of the proxy with its password; it is worth nothing after the block."""
        return f"http://ingot:{self._word}@127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> GuardedProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._is_closed = True
            for left in (self._listening, *self._open):
                with contextlib.suppress(OSError):
                    left.shutdown(socket.SHUT_RDWR)  # closing alone would not wake who waits on it
            self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, self._watched(client):
            client.settimeout(self.network.timeout_seconds)
            head, rest = _head(client)
            try:
                self._check_password(head)
                target, request = _asked(head)
                server = self._connected(target)
            except InputError as error:
                self.refused.append(error)
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            with server, self._watched(server):
                self.connections += 1
                if request:
                    server.sendall(request + rest)
                else:
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._relay(client, server)

    @contextlib.contextmanager
    def _watched(self, end: socket.socket) -> Iterator[None]:
        with self._lock:
            if self._is_closed:
                raise OSError("the proxy is closed")
            self._open.add(end)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(end)

    def _check_password(self, head: bytes) -> None:
        word = base64.b64encode(f"ingot:{self._word}".encode())
        if not any(
            secrets.compare_digest(line.partition(b":")[2].strip(), b"Basic " + word)
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"proxy-authorization:")
        ):
            raise InputError("somebody else asked the proxy", fix="nothing: it was refused")

    def _connected(self, target: Target) -> socket.socket:
        check_name(target, self.network.hosts)
        if self.network.proxy:
            return self._through_proxy(target)
        error: OSError | None = None
        for place in addresses(target, self.network.networks, self._resolve):
            try:
                return socket.create_connection((place, target.port), self.network.timeout_seconds)
            except OSError as failed:
                error = failed
        why = error.strerror or str(error) if error else ""
        raise InputError("it cannot be reached", where=target.shown, why=why, fix="check the address and the network")

    def _through_proxy(self, target: Target) -> socket.socket:
        if target.is_number:
            addresses(target, self.network.networks, self._resolve)
        proxy = read_url(self.network.proxy)
        server = socket.create_connection((proxy.host, proxy.port), self.network.timeout_seconds)
        host = f"[{target.host}]" if ":" in target.host else target.host
        lines = [f"CONNECT {host}:{target.port} HTTP/1.1", f"Host: {host}:{target.port}"]
        lines += [f"{name}: {value}" for name, value in proxy_authorization(self.network).items()]
        server.sendall("\r\n".join([*lines, "", ""]).encode())
        answer, _ = _head(server)
        if answer.split(b" ")[1:2] != [b"200"]:
            server.close()
            raise InputError("the outbound proxy refuses it", where=target.shown, why=answer[:40].decode("latin-1"))
        return server

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        ways = {client.fileno(): (client, server), server.fileno(): (server, client)}
        poll = select.poll()
        for descriptor in ways:
            poll.register(descriptor, select.POLLIN)
        while ready := poll.poll(1000 * self.network.timeout_seconds):
            for descriptor, _ in ready:
                giver, taker = ways[descriptor]
                chunk = giver.recv(_CHUNK_BYTES)
                if not chunk:
                    return
                if giver is server:
                    self.received_bytes += len(chunk)
                taker.sendall(chunk)


def _head(end: socket.socket) -> tuple[bytes, bytes]:
    """Read a request or an answer up to its empty line; return it and what came after."""
    held = b""
    while b"\r\n\r\n" not in held:
        chunk = end.recv(_MOST_HEAD_BYTES)
        if not chunk or len(held) + len(chunk) > _MOST_HEAD_BYTES:
            raise OSError("no request")
        held += chunk
    head, _, rest = held.partition(b"\r\n\r\n")
    return head, rest


def _asked(head: bytes) -> tuple[Target, bytes]:
    """Return where a request wants to go, and for plain HTTP the request as that server expects it."""
    line, *headers = head.split(b"\r\n")
    method, url, version = [*line.decode("latin-1").split(" "), "", ""][:3]
    if method == "CONNECT":
        return read_url(f"https://{url}"), b""
    target = read_url(url)
    if target.scheme != "http":
        raise InputError("this address is not fetched", where=target.shown, why="it needs a tunnel", fix="use CONNECT")
    path = "/" + url.partition("://")[2].partition("/")[2]
    kept = [each for each in headers if not each.lower().startswith(b"proxy-")]
    return target, b"\r\n".join([f"{method} {path} {version}".encode("latin-1"), *kept, b"", b""])
