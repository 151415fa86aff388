"""A library with connections of its own, given the guarded proxy, reaches what is allowed and nothing else."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
import urllib3

from ingot.core.fetch import Network
from ingot.core.guarded_proxy import GuardedProxy
from tests.data.connectors.web_server import Reply, WebServer

LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer(lambda asked: Reply(body=f"{asked.method} {asked.path}".encode())) as running:
        yield running


def resolve(host: str, _: int) -> list[str]:
    if not host.endswith(".example"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return ["127.0.0.1"]


def manager(proxy: GuardedProxy, **options: object) -> urllib3.ProxyManager:
    headers = urllib3.make_headers(proxy_basic_auth=proxy.url.partition("//")[2].partition("@")[0])
    # Options of several types in one mapping.
    return urllib3.ProxyManager(f"http://{proxy.url.partition('@')[2]}", proxy_headers=headers, **options)  # type: ignore[arg-type]


def test_plain_requests_pass_to_the_checked_address(server: WebServer) -> None:
    with GuardedProxy(Network((f"good.example:{server.port}",), LOOPBACK), resolve=resolve) as proxy:
        answer = manager(proxy).request("GET", f"http://good.example:{server.port}/a?b=c", retries=False)
        assert (answer.status, answer.data) == (200, b"GET /a?b=c")
        (asked,) = server.asked
        assert asked.headers["host"] == f"good.example:{server.port}"
        assert "proxy-authorization" not in asked.headers
        assert proxy.received_bytes > len(answer.data)


def test_encrypted_connections_are_passed_on_unread(server: WebServer, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("good.example").configure_cert(context)
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
    with GuardedProxy(Network((f"good.example:{server.port}",), LOOPBACK), resolve=resolve) as proxy:
        client = manager(proxy, ca_certs=str(tmp_path / "authority.pem"))
        answer = client.request("GET", f"https://good.example:{server.port}/a", retries=False)
        assert answer.data == b"GET /a"
        client.clear()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["other.example", "127.0.0.1", "localhost", "2130706433", "[::1]"])
def test_what_is_not_allowed_is_refused_and_remembered(server: WebServer, scheme: str, host: str) -> None:
    allowed = Network((f"good.example:{server.port}", f"127.0.0.1:{server.port}"))
    with GuardedProxy(allowed, resolve=resolve) as proxy:
        client = manager(proxy)
        try:
            status = client.request("GET", f"{scheme}://{host}:{server.port}/", retries=False).status
        except urllib3.exceptions.ProxyError as error:
            status = 403 if "403" in str(error) else 0
        assert status == 403
        assert len(proxy.refused) == 1
        client.clear()
    assert server.asked == []


def speak(proxy: GuardedProxy, request: bytes) -> bytes:
    place = proxy.url.rpartition(":")[2]
    with socket.create_connection(("127.0.0.1", int(place)), timeout=5) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(1000)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET http://good.example:{port}/ HTTP/1.1\r\n\r\n",
        b"GET http://good.example:{port}/ HTTP/1.1\r\nProxy-Authorization: Basic d3Jvbmc6d3Jvbmc=\r\n\r\n",
        b"CONNECT good.example:{port} HTTP/1.1\r\n\r\n",
    ],
)
def test_only_who_knows_the_password_is_served(server: WebServer, request_bytes: bytes) -> None:
    with GuardedProxy(Network((f"good.example:{server.port}",), LOOPBACK), resolve=resolve) as proxy:
        answer = speak(proxy, request_bytes.replace(b"{port}", str(server.port).encode()))
        assert answer.startswith(b"HTTP/1.1 403")
    assert server.asked == []


@pytest.mark.parametrize("line", [b"rubbish", b"GET / HTTP/1.1", b"GET file:///etc/passwd HTTP/1.1", b"CONNECT x", b""])
def test_rubbish_ends_the_connection_and_nothing_else(server: WebServer, line: bytes) -> None:
    with GuardedProxy(Network((f"good.example:{server.port}",), LOOPBACK), resolve=resolve) as proxy:
        word = base64.b64encode(proxy.url.partition("//")[2].partition("@")[0].encode())
        answer = speak(proxy, line + b"\r\nProxy-Authorization: Basic " + word + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 403")
        assert manager(proxy).request("GET", f"http://good.example:{server.port}/", retries=False).status == 200


def test_an_outbound_proxy_is_asked_in_its_turn() -> None:
    said: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def outbound() -> None:
        connection, _ = listening.accept()
        with connection:
            said.append(connection.recv(1000))
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            said.append(connection.recv(1000))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    threading.Thread(target=outbound, daemon=True).start()
    network = Network(("good.example",), proxy=f"http://127.0.0.1:{listening.getsockname()[1]}")
    with listening, GuardedProxy(network) as proxy:
        client = manager(proxy)
        assert client.request("GET", "http://good.example/a", retries=False).data == b"hi"
        client.clear()
    assert said[0].startswith(b"CONNECT good.example:80 HTTP/1.1\r\n")
    assert said[1].startswith(b"GET /a HTTP/1.1\r\n")


def test_a_closed_proxy_serves_nobody(server: WebServer) -> None:
    with GuardedProxy(Network((f"good.example:{server.port}",), LOOPBACK), resolve=resolve) as proxy:
        place = int(proxy.url.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", place), timeout=5).close()
