"""Whose connection it is, asked of the kernel about real ones."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ingot.serve.peer import is_own_user

pytestmark = pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="this system does not list connections")


def scope_of(client: socket.socket, *headers: bytes) -> dict[str, Any]:
    return {
        "client": client.getsockname()[:2],
        "server": client.getpeername()[:2],
        "headers": [(name, b"1") for name in headers],
    }


def addresses() -> list[str]:
    """Return the addresses of loopback that this machine has."""
    found = []
    for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
        with socket.socket(family) as tried, suppress(OSError):
            tried.bind((host, 0))
            found.append(host)
    return found


@pytest.fixture(params=addresses())
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET6 if ":" in request.param else socket.AF_INET) as listener:
        listener.bind((request.param, 0))
        listener.listen()
        yield listener


def test_a_connection_of_ones_own_is_known(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()[:2]) as client:
        scope = scope_of(client)
        assert is_own_user(scope)
        assert not is_own_user({**scope, "client": ("127.0.0.1", 1)})
        assert not is_own_user({**scope, "client": None})
        assert not is_own_user({**scope, "server": ("10.0.0.1", scope["server"][1])})


def test_what_a_proxy_passes_on_is_nobodys(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()[:2]) as client:
        for header in (b"x-forwarded-for", b"forwarded", b"via"):
            assert not is_own_user(scope_of(client, header))


def test_where_nothing_is_listed_it_is_nobodys(listener: socket.socket, tmp_path: Path) -> None:
    with socket.create_connection(listener.getsockname()[:2]) as client:
        assert not is_own_user(scope_of(client), tmp_path)


def test_another_user_is_another_user(listener: socket.socket, tmp_path: Path) -> None:
    """What the kernel lists, with somebody else as the user of every connection."""
    with socket.create_connection(listener.getsockname()[:2]) as client:
        for name in ("tcp", "tcp6"):
            head, *rows = Path(f"/proc/self/net/{name}").read_text().splitlines()
            changed = [" ".join([*row.split()[:7], str(os.geteuid() + 1), *row.split()[8:]]) for row in rows]
            (tmp_path / name).write_text("\n".join([head, *changed]))
        assert not is_own_user(scope_of(client), tmp_path)
