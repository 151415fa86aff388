"""What a sandboxed process gives up before it touches foreign bytes.

Each layer is applied on its own and only after that counted as present: memory and file-size limits (setrlimit), no
core dumps, no new privileges and death with the parent (prctl, Linux), and a network namespace without any route
(unshare, Linux). Where the kernel refuses the namespace an audit hook still stops sockets opened by Python code, and
`confine` names the missing layer so that somebody can be told. See setrlimit(2), prctl(2), unshare(2).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_NETWORK_EVENTS = frozenset(
    {"socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendmsg", "socket.sendto"}
)


@dataclass(frozen=True)
class Limits:
    """What one sandboxed item may use.

    `timeout_seconds` is the longest silence: an item that keeps yielding results may take longer. `output_bytes` bounds
    all results of an item together, `result_bytes` a single one, `file_bytes` any file the process writes.
    """

    memory_bytes: int = 4 << 30
    timeout_seconds: float = 120.0
    output_bytes: int = 64 << 30
    result_bytes: int = 256 << 20
    file_bytes: int = 16 << 20


def confine(limits: Limits, parent: int) -> list[str]:
    """Apply every layer to this process, for good, and return the names of those this system does not offer.

    Must run before the process starts a thread: a new user namespace is refused to a process with several.
    """
    layers: dict[str, Callable[[], bool]] = {
        "no core dumps": lambda: _limited(resource.RLIMIT_CORE, 0),
        "file size limit": lambda: _limited(resource.RLIMIT_FSIZE, limits.file_bytes),
        "dies with its parent": lambda: _tied_to(parent),
        "no network": _without_network,
        "no new privileges": lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1),
        "memory limit": lambda: _limited(resource.RLIMIT_AS, limits.memory_bytes),
    }
    return [name for name, apply in layers.items() if not apply()]


def _limited(what: int, limit: int) -> bool:
    try:
        resource.setrlimit(what, (limit, limit))
    except (OSError, ValueError):
        return False
    return True


def _tied_to(parent: int) -> bool:
    is_tied = _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died between starting this process and the call above
        os._exit(0)
    return is_tied


def _prctl(option: int, value: int) -> bool:
    return sys.platform == "linux" and bool(_libc().prctl(option, value, 0, 0, 0) == 0)


def _without_network() -> bool:
    sys.addaudithook(_refuse_network)
    if sys.platform != "linux":
        return False
    # Alone first: with a user namespace root would lose the right to read other people's documents.
    return any(_libc().unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def _refuse_network(event: str, _: tuple[Any, ...]) -> None:
    if event in _NETWORK_EVENTS:
        raise PermissionError(f"the sandbox has no network ({event})")


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
