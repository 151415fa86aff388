from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ingot.serve.app import create_app
from ingot.serve.doors import KnownAs, host_name
from ingot.serve.gateway import Limits
from ingot.serve.local.keys import Anybody, KeyFile
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from tests.serve.running import Counting, PacedEngine, listening, served


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost:8000", "localhost"),
        ("LOCALHOST", "localhost"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:80", "::1"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_the_name_in_a_host_header(header: str, name: str) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "192.168.1.5", ""])
def test_a_page_that_rebinds_its_name_is_refused(address: str, host: str) -> None:
    response = httpx.get(f"{address}/v1/models", headers={"Host": host})
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "host_not_allowed"


@pytest.mark.parametrize("path", ["/v1/models", "/healthz"])
@pytest.mark.parametrize("second", ["localhost", "evil.example"])
def test_a_request_for_two_hosts_is_refused(address: str, path: str, second: str) -> None:
    url = httpx.URL(address)
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nHost: {second}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((url.host, url.port or 80), timeout=10) as caller:
        caller.sendall(head.encode())
        answer = b"".join(iter(lambda: caller.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"invalid_host"' in answer


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1234", "[::1]"])
def test_loopback_names_come_in(address: str, host: str) -> None:
    assert httpx.get(f"{address}/v1/models", headers={"Host": host}).status_code == 200


def test_no_other_origin_may_read(address: str) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("GET", "OPTIONS"):
        response = httpx.request(method, f"{address}/v1/models", headers=headers)
        assert not [name for name in response.headers if name.startswith("access-control")]


def test_a_page_cannot_send_a_form_as_a_request(address: str) -> None:
    body = b'{"model": "acme", "prompt": "x"}'
    response = httpx.post(f"{address}/v1/completions", content=body, headers={"Content-Type": "text/plain"})
    assert response.status_code == 400


def test_beyond_this_machine_addresses_are_let_in_and_names_are_not() -> None:
    known = KnownAs(frozenset({"localhost", "box"}), any_address=True)
    assert known.includes("192.168.1.5")
    assert known.includes("box")
    assert not known.includes("evil.example")
    assert not KnownAs().includes("192.168.1.5")


def test_a_body_without_announced_size_is_counted(address: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    headers = {"Content-Type": "application/json"}
    response = httpx.post(f"{address}/v1/completions", content=endless(), headers=headers)
    assert response.status_code == 413
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


def test_a_body_that_never_comes_loses_its_place(engine: PacedEngine, store: FolderStore) -> None:
    limits = Limits(at_once=1, waiting=0, body_seconds=3)
    app = create_app(OneModel(served(engine)), Anybody(), Counting(), store, limits)
    with listening(app) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            body = {"model": "acme", "prompt": "x", "max_tokens": 1}
            assert httpx.post(f"{address}/v1/completions", json=body).status_code == 429
            assert b" 408 " in connection.recv(1000).partition(b"\r\n")[0]
        assert httpx.post(f"{address}/v1/completions", json=body).status_code == 200


@pytest.fixture(scope="module")
def locked(engine: PacedEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text("# ours\nsecret-one  # Ada\nsecret-two\n")
    store = FolderStore(keys.parent / "store")
    with listening(create_app(OneModel(served(engine)), KeyFile(Path(keys)), Counting(), store)) as address:
        yield address


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "secret-one", "Basic secret-one", "Bearer # ours"])
def test_without_a_key_nobody_comes_in(locked: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = httpx.get(f"{locked}/v1/models", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["error"]["code"] == "invalid_api_key"
    has_key = header in ("Bearer wrong", "Bearer # ours")
    assert ("none of this server's" if has_key else "send it as") in response.json()["error"]["message"]


def test_with_a_key_one_does(locked: str) -> None:
    for key in ("secret-one", "secret-two"):
        assert httpx.get(f"{locked}/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert httpx.get(f"{locked}/health").status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/v1/files", "/v1/responses/x", "/metrics", "/openapi.json"])
def test_a_key_counts_in_one_place_alone(locked: str, path: str) -> None:
    elsewhere: list[dict[str, str]] = [
        {"x-api-key": "secret-one"},
        {"api-key": "secret-one"},
        {"Cookie": "Authorization=Bearer secret-one; key=secret-one"},
        {"Proxy-Authorization": "Bearer secret-one"},
        {"Authorization": "Basic c2VjcmV0LW9uZTpzZWNyZXQtb25l"},
        {"Authorization": "secret-one"},
    ]
    asked = {"api_key": "secret-one", "key": "secret-one", "access_token": "secret-one"}
    with httpx.Client(base_url=locked) as client:
        for headers in elsewhere:
            assert client.get(path, headers=headers).status_code == 401, headers
            assert client.get(path, headers={**headers, "Authorization": "Bearer wrong"}).status_code == 401, headers
        assert client.get(path, params=asked).status_code == 401
        # The true key is enough, whatever stands beside it.
        true = {"Authorization": "Bearer secret-one", "x-api-key": "wrong"}
        assert client.get(path, headers=true, params=asked).status_code != 401
