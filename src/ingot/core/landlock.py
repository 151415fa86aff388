"""Which files a sandboxed process may read: its own code, and nothing of anybody's data (Linux, Landlock).

The rules cover every way of opening a file the running kernel knows to restrict, so whatever is not listed cannot be
read, written, made, removed, renamed or executed, also by root. Newer kernels add TCP, device controls, abstract
sockets and signals to other processes; each is taken when there. Descriptors opened before stay usable, which is how
a document reaches the process. See landlock(7) and Documentation/userspace-api/landlock.rst in the Linux sources.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from typing import Any

# The same on every architecture: they were added after the numbers had been unified.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
# version of the interface -> how many kinds of access to files it restricts
_FILE_ACCESSES = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_ACCESSES_SINCE_5 = 16
_TCP = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


def restrict_files(readable: Iterable[str]) -> bool:
    """Leave this thread and those it starts nothing but reading below `readable` (files and folders), for good.

    Paths that do not exist are passed over. False where the system has no Landlock, or has it switched off.
    """
    if sys.platform != "linux":
        return False
    version = interface_version()
    if version < 1:
        return False
    attributes = _attributes(version)
    rules = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    if rules < 0:
        return False
    try:
        for path in readable:
            _allow_reading(rules, path)
        return _call(_RESTRICT_SELF, rules, 0) == 0
    finally:
        os.close(rules)


def interface_version() -> int:
    """Return the version of the kernel's Landlock interface, 0 when there is none."""
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_VERSION)) if sys.platform == "linux" else 0


def _attributes(version: int) -> bytes:
    files = (1 << _FILE_ACCESSES.get(version, _FILE_ACCESSES_SINCE_5)) - 1
    network = _TCP if version >= 4 else 0
    scopes = _ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0
    fields = 3 if version >= 6 else 2 if version >= 4 else 1
    return struct.pack("=QQQ", files, network, scopes)[: 8 * fields]


def _allow_reading(rules: int, path: str) -> None:
    with contextlib.suppress(OSError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            is_folder = stat.S_ISDIR(os.fstat(place).st_mode)
            access = _READ_FILE | _READ_FOLDER if is_folder else _READ_FILE
            _call(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", access, place), 0)
        finally:
            os.close(place)


def _call(number: int, *arguments: Any) -> int:
    libc: Any = ctypes.CDLL(None, use_errno=True)
    converted = (ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)
    return int(libc.syscall(ctypes.c_long(number), *converted))
