"""TLS: a client that checks certificates is answered, and files that cannot be used are told at once."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import openai
import pytest
import trustme

from ingot.core.errors import InputError, UsageError
from ingot.serve.app import create_app
from ingot.serve.connections import settings
from ingot.serve.doors import KnownAs
from ingot.serve.draining import DrainingServer
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from ingot.serve.tls import tls
from tests.serve.running import Counting, PacedEngine, eventually, served


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> tuple[Path, Path]:
    return written(authority, tmp_path, "models.example")


def written(authority: trustme.CA, folder: Path, name: str) -> tuple[Path, Path]:
    issued, certificate, key = authority.issue_cert(name, "127.0.0.1"), folder / f"{name}.crt", folder / f"{name}.key"
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(certificate), append=True)
    issued.private_key_pem.write_to_path(str(key))
    return certificate, key


@contextmanager
def encrypted(
    engine: PacedEngine, store: FolderStore, files: tuple[Path, Path]
) -> Iterator[tuple[int, threading.Thread]]:
    known_as = KnownAs(frozenset({"models.example", "127.0.0.1"}))
    app = create_app(OneModel(served(engine)), Anybody(), Counting(), store, known_as=known_as)
    listener = socket.create_server(("127.0.0.1", 0))
    config = settings(app, app.state.server.gateway, context=tls(*files), log_level="critical")
    server = DrainingServer(config, app.state.server)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    eventually(lambda: server.started)
    try:
        yield listener.getsockname()[1], thread
    finally:
        server.should_exit = True
        thread.join(timeout=30)


def test_a_client_that_checks_certificates_is_answered(
    engine: PacedEngine, store: FolderStore, authority: trustme.CA, files: tuple[Path, Path]
) -> None:
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    with encrypted(engine, store, files) as (port, _):
        address = f"https://127.0.0.1:{port}"
        with (
            httpx.Client(verify=trusted) as http,
            openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, http_client=http) as client,
        ):
            pieces = list(client.completions.create(model="acme", prompt="def", max_tokens=4, stream=True))
            assert pieces[-1].choices[0].finish_reason
            assert http.get(f"{address}/healthz", headers={"Host": "models.example"}).status_code == 200
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{address}/healthz", verify=True)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://127.0.0.1:{port}/healthz")


def test_who_never_begins_to_speak_tls_holds_up_nobody(
    engine: PacedEngine, store: FolderStore, authority: trustme.CA, files: tuple[Path, Path]
) -> None:
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    with encrypted(engine, store, files) as (port, thread):
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        assert httpx.get(f"https://127.0.0.1:{port}/readyz", verify=trusted).status_code == 200
    assert not thread.is_alive()
    for one in silent:
        one.close()


def test_nothing_is_encrypted_unless_both_files_are_named(files: tuple[Path, Path]) -> None:
    assert tls(None, None) is None
    for certificate, key, missing in ((files[0], None, "--tls-key"), (None, files[1], "--tls-certificate")):
        with pytest.raises(UsageError) as caught:
            tls(certificate, key)
        assert missing in caught.value.fix


def test_files_that_cannot_be_used_are_named_with_the_reason(
    files: tuple[Path, Path], authority: trustme.CA, tmp_path: Path
) -> None:
    certificate, key = files
    other = written(authority, tmp_path, "other.example")[1]
    text, locked = tmp_path / "text", tmp_path / "locked.key"
    text.write_text("no certificate")
    command = ["openssl", "pkey", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    cases = [
        ((certificate, other), "another certificate"),
        ((text, key), "OpenSSL"),
        ((certificate, text), "OpenSSL"),
        ((certificate, locked), "password"),
        ((tmp_path, key), "directory"),
        ((certificate, tmp_path / "none"), "No such file"),
    ]
    for (first, second), why in cases:
        with pytest.raises(InputError) as caught:
            tls(first, second)
        assert why in caught.value.why, (first, second)
        assert str(first) in caught.value.where
        assert caught.value.fix
