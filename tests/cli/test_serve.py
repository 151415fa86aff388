from __future__ import annotations

import socket
from pathlib import Path

import pytest
import uvicorn

from ingot.cli.main import run
from ingot.cli.serve import listen, url_host
from ingot.core.errors import BusyError
from ingot.flow.home import Home
from tests.infer.tiny_model import make_model
from tests.registry.made import add


def test_a_taken_port_is_named_before_anything_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(["serve", "acme", "--port", str(port)]) == 6
    assert "--port" in capsys.readouterr().err


def test_port_zero_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0


def test_a_server_that_still_loads_its_model_has_taken_its_port() -> None:
    with listen("127.0.0.1", 0) as loading, pytest.raises(BusyError, match="cannot listen") as caught:
        listen("127.0.0.1", loading.getsockname()[1])
    assert "--port" in caught.value.fix


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert [url_host(host) for host in ("::1", "127.0.0.1", "localhost")] == ["[::1]", "127.0.0.1", "localhost"]


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_the_address_can_be_pasted(
    host: str,
    shown: str,
    ingot_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = {path.name: path for path in make_model(tmp_path / "tiny").iterdir()}
    add(Home(ingot_home), "acme", files=files, facts={"kind": "base", "engine": "torch"})
    # The server itself is tested in tests/serve: this one closes as soon as it is open.
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: [one.close() for one in sockets])
    assert run(["serve", "acme", "--host", host, "--port", "0"]) == 0
    printed = capsys.readouterr().out
    assert f"at {shown}" in printed
    assert f"'{shown}" in printed or "[" not in shown


def test_an_address_of_another_machine_is_not_called_taken() -> None:
    with pytest.raises(BusyError) as caught:
        listen("192.0.2.1", 0)  # RFC 5737: nobody's
    assert "--host must be an address of this machine" in caught.value.fix


@pytest.mark.parametrize("option", ["--key-file", "--policies", "--tls-key"])
def test_a_folder_is_no_file(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "acme", option, str(tmp_path)]) == 2
    assert option in capsys.readouterr().err


def test_a_certificate_without_its_key_is_told_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "server.pem"
    path.write_text("")
    assert run(["serve", "acme", "--tls-certificate", str(path)]) == 2
    assert "add --tls-key FILE" in capsys.readouterr().err
