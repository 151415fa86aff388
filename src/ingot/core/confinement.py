"""What a sandboxed process gives up before it touches foreign bytes.

Each layer is applied on its own and only after that counted as present: limits on memory, files, descriptors,
processor time and processes (setrlimit), no core dumps, death with the parent and no new privileges (prctl), no
capabilities (capset), a network namespace without any route (unshare), rules about files (core/landlock) and a filter
of system calls (core/seccomp); the last seven need Linux. Where the kernel refuses a layer, `confine` names it so that
somebody can be told; an audit hook stops at least Python code from sockets, programs, writing and unpickling on every
system. See setrlimit(2), prctl(2), capabilities(7), unshare(2).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.core.landlock import restrict_files
from ingot.core.seccomp import filter_system_calls

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CAPABILITY_VERSION = 0x20080522
# What root may keep: reading code that belongs to somebody else. Documents come as open descriptors.
_CAP_DAC_READ_SEARCH = 1 << 2
_MORE_PROCESSES = 4096
# Two threads that both run all the time reach this as early as one reaches the limit of silence.
_PROCESSOR_SHARE = 2.0

# Libraries of the system and what they look up; nothing that belongs to a person.
_SYSTEM = (
    *("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/usr/share/locale"),
    *("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
    *("/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo", "/sys/fs/cgroup"),
)
_REFUSED_EVENTS = frozenset(
    {
        *("socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname"),
        *("socket.sendmsg", "socket.sendto"),
        *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"),
        *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"),
        *("os.chmod", "os.chown", "os.kill", "os.killpg"),
        "pickle.find_class",
    }
)
_NETWORK = "socket."
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True)
class Limits:
    """What one sandboxed item may use.

    `timeout_seconds` is the longest silence: an item that keeps yielding results may take longer. `output_bytes` bounds
    all results of an item together, `result_bytes` a single one. `file_bytes` bounds what the process may write to the
    one file it has, its standard error.
    """

    memory_bytes: int = 3 << 29
    timeout_seconds: float = 60.0
    output_bytes: int = 64 << 30
    result_bytes: int = 64 << 20
    file_bytes: int = 1 << 20
    open_files: int = 128


def confine(limits: Limits, parent: int, readable: Sequence[str]) -> list[str]:
    """Apply every layer to this process, for good, and return the names of those this system does not offer.

    `readable` names the files and folders it may still open, beside the system's libraries. Must run before the
    process starts a thread: most layers hold for this thread and those it starts.
    """
    layers: dict[str, Callable[[], bool]] = {
        "no core dumps": lambda: _limited(resource.RLIMIT_CORE, 0),
        "file size limit": lambda: _limited(resource.RLIMIT_FSIZE, limits.file_bytes),
        "open files limit": lambda: _limited(resource.RLIMIT_NOFILE, limits.open_files),
        "process limit": lambda: _limited(resource.RLIMIT_NPROC, _tasks_of_this_user() + _MORE_PROCESSES),
        "processor time limit": lambda: renew_processor_time(limits),
        "dies with its parent": lambda: die_with_parent(parent),
        "network namespace": _without_network,
        "no new privileges": lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1),
        "no capabilities": _without_capabilities,
        "memory limit": lambda: _limited(resource.RLIMIT_AS, limits.memory_bytes),
        "file access rules": lambda: restrict_files([*_SYSTEM, *readable]),
        "system call filter": filter_system_calls,
    }
    missing = [name for name, apply in layers.items() if not apply()]
    sys.addaudithook(_refuse)
    return missing


def renew_processor_time(limits: Limits) -> bool:
    """Let this process compute for as long again as an item may; more ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = used.ru_utime + used.ru_stime + max(1.0, _PROCESSOR_SHARE * limits.timeout_seconds)
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    except (OSError, ValueError):  # a lower limit set from outside holds already
        return False
    return True


def code_folders() -> list[str]:
    """Return where the interpreter, the installed libraries and this package lie.

    The folder of the script that was started, and the current one, are left out: they may hold documents and keys.
    """
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    left_out = {"", os.getcwd(), os.path.dirname(os.path.abspath(script)) if script else ""}
    own = str(Path(__file__).parents[2])
    installed = [path for path in sys.path if os.path.isabs(path) and path not in left_out]
    return sorted({own, *installed, *(os.path.join(prefix, "lib") for prefix in (sys.prefix, sys.base_prefix))})


def _limited(what: int, limit: int) -> bool:
    _, most = resource.getrlimit(what)
    limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
    try:
        resource.setrlimit(what, (limit, limit))
    except (OSError, ValueError):
        return False
    return True


def _tasks_of_this_user() -> int:
    """Count the threads the limit on processes counts: all of this user's, whatever they belong to."""
    total = 0
    for entry in os.scandir("/proc") if os.path.isdir("/proc/self/task") else ():
        try:
            status = os.stat(f"/proc/{entry.name}/task") if entry.name.isdigit() else None
        except OSError:
            continue
        if status is not None and status.st_uid == os.getuid():
            total += max(1, status.st_nlink - 2)
    return total


def die_with_parent(parent: int) -> bool:
    """Have the kernel end this process when the thread that started it ends; False where it cannot (not Linux)."""
    is_tied = _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died between starting this process and the call above
        os._exit(0)
    return is_tied


def _prctl(option: int, value: int) -> bool:
    return sys.platform == "linux" and bool(_libc().prctl(option, value, 0, 0, 0) == 0)


def _without_network() -> bool:
    if sys.platform != "linux":
        return False
    # Alone first: root needs no user namespace, in which it would lose the right to read other people's libraries.
    return any(_libc().unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def _without_capabilities() -> bool:
    if sys.platform != "linux":
        return False
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION, 0), 8)
    sets = ctypes.create_string_buffer(24)
    if _libc().capget(header, sets) != 0:
        return False
    effective, permitted, *_ = struct.unpack("=6I", sets.raw)
    kept = (effective & _CAP_DAC_READ_SEARCH, permitted & _CAP_DAC_READ_SEARCH, 0, 0, 0, 0)
    return bool(_libc().capset(header, struct.pack("=6I", *kept)) == 0)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _REFUSED_EVENTS:
        raise PermissionError(
            f"the sandbox has no {'network' if event.startswith(_NETWORK) else 'such right'} ({event})"
        )
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
        raise PermissionError("the sandbox writes no files")


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
