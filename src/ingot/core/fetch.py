"""The one client for URLs: nothing is reached that was not allowed, and nothing is read without end.

Each request, and each redirect again, is read by core/addresses, must be on an allowed host, is resolved once, and goes
to an address that was checked: the connection is made to the number, while the Host header and the certificate check
(SNI) keep the name. There are no cookies, no caches, no credentials in URLs, none handed on to another origin, no
proxy from the environment, and bounds on bytes, on silence and on the whole time.

HTTP itself is urllib3's: it has no dependencies of its own, is maintained for pip and requests, and its connection
classes take an address and a server name separately, which is all that pinning needs. (httpx would bring five
packages, and the pool it keeps between requests is what we do not want.)
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import socket
import ssl
import threading
import time
import urllib.parse
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ingot.core.addresses import Resolve, Target, addresses, check_name, read_url, system_addresses
from ingot.core.errors import InputError, MissingExtraError
from ingot.core.secrets import read_secret
from ingot.core.storage import as_size

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse
    from urllib3.connection import HTTPConnection

_CHUNK_BYTES = 64 << 10
_REDIRECTS = (301, 302, 303, 307, 308)
_TRY_AGAIN = (429, 502, 503, 504)
_LONGEST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True)
class Network:
    """What may be reached, and within which bounds. Nothing is, unless it is named.

    `hosts` are names, "*.example.org" for all below one, with a port where it is not the usual. `networks` are ranges
    of private addresses that are allowed too (10.20.0.0/16): a host alone never opens them. `proxy` is the address of
    an outbound proxy; behind one it is the proxy who resolves names, so it must refuse private addresses itself.
    `certificates` is a PEM file of authorities to trust instead of the system's. `timeout_seconds` bounds silence,
    `total_seconds` a whole answer, `tries` how often a server that is busy is asked.
    """

    hosts: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    proxy: str = ""
    proxy_credential: str = ""
    certificates: str = ""
    timeout_seconds: float = 30.0
    total_seconds: float = 600.0
    most_bytes: int = 256 << 20
    redirects: int = 5
    tries: int = 3


@dataclass(frozen=True)
class Request:
    """One request. `authorization` is the header's value; it goes to the first origin only.

    `most_bytes` bounds the answer in place of the network's bound.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    authorization: str = field(default="", repr=False)
    most_bytes: int = 0


@dataclass(frozen=True)
class Answer:
    """What came back: the address it came from in the end, headers by lower-case name, and the body in pieces."""

    target: Target
    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]

    @property
    def is_there(self) -> bool:
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        """The content type without parameters, lower case; empty when there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def read(self) -> bytes:
        """Return the whole body, which is bounded."""
        return b"".join(self.chunks)


class Fetcher:
    """Fetches URLs within the bounds of a `Network`; counts what it did in `requests` and `received_bytes`.

    `resolve` looks up a name (host, port -> addresses) and `pause` waits between tries.
    """

    def __init__(
        self,
        network: Network,
        *,
        agent: str = "ingot",
        resolve: Resolve = system_addresses,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.network = network
        self.requests = 0
        self.received_bytes = 0
        self._agent = agent
        self._resolve = resolve
        self._pause = pause
        self._proxy_header = proxy_authorization(network)

    @contextlib.contextmanager
    def open(self, request: Request) -> Iterator[Answer]:
        """Ask, follow redirects, try again when the server asks for patience; the answer is valid inside the block.

        Raises InputError for what is not allowed, does not answer or goes on too long; a status is no error here.
        """
        asked, hops, tries = request, 0, 1
        while True:
            target = read_url(asked.url)
            with self._ask(target, asked) as answer:
                if answer.status in _REDIRECTS and "location" in answer.headers and asked.method in ("GET", "HEAD"):
                    hops += 1
                    asked = self._redirected(asked, answer, hops)
                elif answer.status in _TRY_AGAIN and tries < self.network.tries:
                    tries += 1
                    self._pause(_patience(answer, tries))
                else:
                    yield answer
                    return

    def get(self, url: str, **options: Any) -> tuple[Answer, bytes]:
        """Return an answer and its whole body; `options` as in :class:`Request`."""
        with self.open(Request(url, **options)) as answer:
            return answer, answer.read()

    @contextlib.contextmanager
    def _ask(self, target: Target, request: Request) -> Iterator[Answer]:
        check_name(target, self.network.hosts)
        self.requests += 1
        with _Deadline(self.network.total_seconds) as deadline, contextlib.ExitStack() as stack:
            with _in_words(target, deadline):
                connection = self._connect(target, deadline)
                stack.callback(connection.close)
                connection.request(
                    request.method,
                    target.url if self._is_absolute(target) else target.path,
                    body=request.body,
                    headers=self._headers(target, request),
                    preload_content=False,
                    decode_content=False,
                )
                response = connection.getresponse()
                stack.callback(response.close)
            headers = {name.lower(): value for name, value in response.headers.items()}
            # What the caller does with the answer is outside: a full disk there is no fault of the network.
            most = request.most_bytes or self.network.most_bytes
            body = self._body(self._received(response, target, deadline), headers, target, most)
            yield Answer(target, response.status, headers, body)

    def _connect(self, target: Target, deadline: _Deadline) -> HTTPConnection:
        """Return a connection to a checked address, the first of the answer that accepts one."""
        if self.network.proxy:
            return self._through_proxy(target, deadline)
        places = addresses(target, self.network.networks, self._resolve)
        for place in places[:-1]:
            with contextlib.suppress(*_network_errors()):
                return deadline.connected(self._connection(target, place, target.port))
        return deadline.connected(self._connection(target, places[-1], target.port))

    def _through_proxy(self, target: Target, deadline: _Deadline) -> HTTPConnection:
        if target.is_number:  # needs nobody to look it up, so it is checked here too
            addresses(target, self.network.networks, self._resolve)
        proxy = read_url(self.network.proxy)
        connection = self._connection(target, proxy.host, proxy.port)
        if target.scheme == "https":
            connection.set_tunnel(target.host, target.port, headers=self._proxy_header, scheme="http")
        return deadline.connected(connection)

    def _connection(self, target: Target, place: str, port: int) -> HTTPConnection:
        options: dict[str, Any] = {"timeout": self.network.timeout_seconds}
        if target.scheme == "https":
            options |= {"ssl_context": self._tls, "server_hostname": target.host, "assert_hostname": target.host}
        library = _library().connection
        kind = library.HTTPSConnection if target.scheme == "https" else library.HTTPConnection
        connection: HTTPConnection = kind(place, port, **options)
        return connection

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.network.certificates or None)
        except OSError as error:
            why = error.strerror or str(error)
            where = self.network.certificates
            raise InputError("the certificates cannot be read", where=where, why=why, fix="give a PEM file") from error

    def _is_absolute(self, target: Target) -> bool:
        return bool(self.network.proxy) and target.scheme == "http"

    def _headers(self, target: Target, request: Request) -> dict[str, str]:
        headers = {"User-Agent": self._agent, "Accept-Encoding": "identity", "Connection": "close", **request.headers}
        if request.authorization:
            headers["Authorization"] = request.authorization
        if self._is_absolute(target):
            headers |= self._proxy_header
        return {**headers, "Host": target.authority}

    def _redirected(self, request: Request, answer: Answer, hops: int) -> Request:
        if hops > self.network.redirects:
            raise _failed(answer.target, f"it redirects more than {self.network.redirects} times")
        target = read_url(urllib.parse.urljoin(answer.target.url, answer.headers["location"]))
        if answer.target.scheme == "https" and target.scheme == "http":
            raise _failed(answer.target, f"it redirects to an address without encryption ({target.shown})")
        is_same = target.origin == answer.target.origin
        return replace(request, url=target.url, body=None, authorization=request.authorization if is_same else "")

    def _body(
        self, received: Iterator[bytes], headers: Mapping[str, str], target: Target, most: int
    ) -> Iterator[bytes]:
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > most:
            raise _too_large(target, most)
        size = 0
        for chunk in _decoded(received, headers.get("content-encoding", "identity"), target):
            size += len(chunk)
            if size > most:
                raise _too_large(target, most)
            yield chunk

    def _received(self, response: BaseHTTPResponse, target: Target, deadline: _Deadline) -> Iterator[bytes]:
        # One read of the socket at a time: a server that sends a byte a minute meets the deadline, not our patience.
        while True:
            with _in_words(target, deadline):
                chunk = response.read1(_CHUNK_BYTES)
            if not chunk:
                return
            self.received_bytes += len(chunk)
            yield chunk


class _Deadline:
    """Ends a connection after a number of seconds, even if its server sends a byte of a header or body now and then.

    (A TLS handshake is the one thing it cannot end; Python bounds the whole of it by `timeout_seconds`.)
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self.seconds = seconds
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def connected(self, connection: HTTPConnection) -> HTTPConnection:
        """Connect under the clock; the socket is kept because the library lets go of it with the last header."""
        self._connection = connection
        connection.connect()
        self._socket = connection.sock
        return connection

    def _end(self) -> None:
        self.is_over = True
        for open_socket in (self._socket, self._connection.sock if self._connection else None):
            if open_socket is not None:
                with contextlib.suppress(OSError):
                    open_socket.shutdown(socket.SHUT_RDWR)


def _library() -> Any:
    try:
        import urllib3
        import urllib3.connection
    except ModuleNotFoundError:
        raise MissingExtraError("the part that fetches web addresses", "web") from None
    return urllib3


def _network_errors() -> tuple[type[Exception], ...]:
    return (OSError, ValueError, http.client.HTTPException, _library().exceptions.HTTPError)


@contextlib.contextmanager
def _in_words(target: Target, deadline: _Deadline) -> Iterator[None]:
    """Turn what the network and the library raise into an error for people."""
    try:
        yield
    except _network_errors() as error:
        if deadline.is_over:
            raise _failed(target, f"it took longer than {deadline.seconds:g} seconds") from error
        raise _failed(target, f"{type(error).__name__}: {error}"[:300]) from error
    if deadline.is_over:  # a body without a length ends like any other when its connection is cut
        raise _failed(target, f"it took longer than {deadline.seconds:g} seconds")


def _decoded(chunks: Iterator[bytes], encoding: str, target: Target) -> Iterator[bytes]:
    """Undo gzip, which some stores send unasked, in pieces small enough that a bomb meets the bound on bytes."""
    if encoding.lower() in ("identity", ""):
        yield from chunks
        return
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise _failed(target, f"its content is packed as {encoding[:20]!r}")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        for chunk in chunks:
            while chunk:
                yield unpacker.decompress(chunk, _CHUNK_BYTES)
                chunk = unpacker.unconsumed_tail
    except zlib.error as error:
        raise _failed(target, f"its content is damaged ({error})") from error
    if not unpacker.eof:
        raise _failed(target, "its content ends too early")


def _patience(answer: Answer, tries: int) -> float:
    asked = answer.headers.get("retry-after", "")
    return min(float(asked) if asked.isdecimal() else 2.0 ** (tries - 1), _LONGEST_PAUSE_SECONDS)


def proxy_authorization(network: Network) -> dict[str, str]:
    """Return the header that the outbound proxy wants, if it wants one."""
    if not network.proxy_credential:
        return {}
    secret = read_secret(network.proxy_credential, "network.proxy_credential").reveal()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}


def _too_large(target: Target, most: int) -> InputError:
    return _failed(target, f"it is larger than {as_size(most)}", fix="leave it out, or raise network.most_bytes")


def _failed(target: Target, why: str, fix: str = "try again later, or leave it out") -> InputError:
    return InputError("it could not be fetched", where=target.shown, why=why, fix=fix)
