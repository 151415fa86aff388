"""Is whoever calls the user this server runs as? Told by the kernel, for callers on this machine.

A server without a key file listens on loopback alone, where every user of the machine and every program can reach it.
The kernel keeps, for each connection, the user whose socket it is: the caller's end stands in the same table as ours.
What a proxy passes on may come from anywhere, so it counts as nobody's. One that tells where a request is from is known
by that, and what it tells may be made up; one that does not is known as long as it has a user of its own.
Source: proc_pid_net(5), /proc/net/tcp.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_TABLES = ("tcp", "tcp6")
_LOCAL, _REMOTE, _USER = 1, 2, 7  # columns
_PROXIED = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"x-real-ip", b"forwarded", b"via"})
_V4_IN_V6 = bytes(10) + b"\xff\xff"


def is_own_user(scope: Mapping[str, Any], tables: Path = Path("/proc/self/net")) -> bool:
    """Say whether a request comes from a program of the user this process runs as; no where the system does not tell.

    `scope` is that of ASGI, `tables` the folder in which the kernel lists connections.
    """
    client, server = scope.get("client"), scope.get("server")
    is_passed_on = any(name in _PROXIED for name, _ in scope["headers"])
    if is_passed_on or not client or not server:
        return False
    ends = _packed(client[0]), int(client[1]), _packed(server[0]), int(server[1])
    users = {user for *row, user in _rows(tables) if tuple(row) == ends}
    return users == {os.geteuid()}


def _rows(tables: Path) -> Iterator[tuple[bytes, int, bytes, int, int]]:
    """Yield both ends and the user of every connection."""
    for name in _TABLES:
        try:
            lines = (tables / name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            yield *_end(columns[_LOCAL]), *_end(columns[_REMOTE]), int(columns[_USER])


def _end(text: str) -> tuple[bytes, int]:
    """Return an address and a port: the address is written in words of four bytes, each in the machine's order."""
    address, port = text.split(":")
    raw = bytes.fromhex(address)
    words = [raw[at : at + 4] for at in range(0, len(raw), 4)]
    return _whole(b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)), int(port, 16)


def _packed(host: str) -> bytes:
    try:
        return _whole(ipaddress.ip_address(host.partition("%")[0]).packed)
    except ValueError:
        return b""


def _whole(packed: bytes) -> bytes:
    """Return an address in sixteen bytes, however it was written."""
    return packed if len(packed) == 16 else _V4_IN_V6 + packed
