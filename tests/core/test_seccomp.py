"""The filter, read as the kernel reads it, for both architectures; tests/core/test_sandbox.py meets it for real."""

from __future__ import annotations

import errno
import os
import struct
from typing import Any

import pytest

from ingot.core import seccomp

X86_64, AARCH64 = 0xC000003E, 0xC00000B7
PID = 4711
ALLOWED = "allowed"
KILLED = "killed"
# What a parser lives on; x86-64 and aarch64.
NEEDED = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "futex": (202, 98),
    "recvmsg": (47, 212),
    "exit_group": (231, 94),
    "epoll_create1": (291, 20),
    "eventfd2": (290, 19),
    "getrandom": (318, 278),
    "clock_gettime": (228, 113),
    "rseq": (334, 293),
    "madvise": (28, 233),
}


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> str:
    """Run the filter on one call; an independent reading of the three instructions it is made of."""
    expected = X86_64 if machine == "x86_64" else AARCH64
    values = [*arguments, *(0 for _ in range(6 - len(arguments)))]
    data = struct.pack("=iIQ6Q", number, architecture or expected, 0, *(value % 2**64 for value in values))
    code = seccomp.program(machine, PID)
    instructions = [struct.unpack_from("=HBBI", code, place) for place in range(0, len(code), 8)]
    accumulator, place = 0, 0
    while True:
        kind, when_true, when_false, operand = instructions[place]
        place += 1
        if kind == 0x20:
            accumulator = struct.unpack_from("=I", data, operand)[0]
        elif kind == 0x06:
            return _named(operand)
        else:
            holds = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}
            place += when_true if holds[kind] else when_false


def _named(answer: int) -> str:
    if answer == 0x7FFF0000:
        return ALLOWED
    return KILLED if answer == 0x80000000 else errno.errorcode[answer & 0xFFFF]


def number(name: str, machine: str) -> int:
    column = 0 if machine == "x86_64" else 1
    tables = (seccomp._REFUSED, seccomp._NOT_IMPLEMENTED, seccomp._CONDITIONAL)
    return next(table[name] for table in (seccomp.numbers(text, column) for text in tables) if name in table)


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_what_a_parser_needs_is_allowed(machine: str) -> None:
    column = 0 if machine == "x86_64" else 1
    assert {name: verdict(machine, row[column]) for name, row in NEEDED.items()} == dict.fromkeys(NEEDED, ALLOWED)


@pytest.mark.parametrize(
    "name",
    [
        *("execve", "execveat", "socket", "connect", "bind", "sendmsg", "ptrace", "mount", "setns", "unshare", "bpf"),
        *("process_vm_readv", "pidfd_getfd", "unlinkat", "renameat2", "fchownat", "memfd_create", "keyctl", "tkill"),
    ],
)
def test_what_leads_out_is_refused(machine: str, name: str) -> None:
    assert verdict(machine, number(name, machine)) == "EPERM"


@pytest.mark.parametrize("name", ["clone3", "openat2", "io_uring_setup"])
def test_what_has_an_older_form_is_as_if_not_there(machine: str, name: str) -> None:
    assert verdict(machine, number(name, machine)) == "ENOSYS"


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("clone", (0x3D0F00,), ALLOWED),  # what a thread is started with
        ("clone", (17,), "EPERM"),  # SIGCHLD: a process
        ("clone", (0x10000000,), "EPERM"),
        ("socketpair", (1, 1), ALLOWED),
        ("socketpair", (2, 1), "EPERM"),
        ("sendto", (3, 4, 5, 0, 0, 0), ALLOWED),
        ("sendto", (3, 4, 5, 0, 0x7F00_0000_1000, 16), "EPERM"),
        ("sendto", (3, 4, 5, 0, 1 << 32, 16), "EPERM"),
        ("kill", (PID, 6), ALLOWED),
        ("kill", (PID + 1, 9), "EPERM"),
        ("kill", (-1, 9), "EPERM"),
        ("tgkill", (PID, PID, 6), ALLOWED),
        ("tgkill", (1, 1, 9), "EPERM"),
        ("prlimit64", (0, 7), ALLOWED),
        ("prlimit64", (PID, 7), ALLOWED),
        ("prlimit64", (1, 7), "EPERM"),
        ("prctl", (15,), ALLOWED),  # naming a thread
        ("prctl", (1, 0), "EPERM"),
        ("prctl", (35,), "EPERM"),
        ("openat", (3, 4, os.O_RDONLY | os.O_CLOEXEC), ALLOWED),
        ("openat", (3, 4, os.O_WRONLY), "EACCES"),
        ("openat", (3, 4, os.O_RDWR), "EACCES"),
        ("openat", (3, 4, os.O_CREAT), "EACCES"),
        ("openat", (3, 4, os.O_TRUNC), "EACCES"),
    ],
)
def test_some_calls_depend_on_their_arguments(
    machine: str, name: str, arguments: tuple[int, ...], expected: str
) -> None:
    assert verdict(machine, number(name, machine), *arguments) == expected


def test_older_calls_are_watched_too() -> None:
    assert verdict("x86_64", number("open", "x86_64"), 1, os.O_WRONLY) == "EACCES"
    assert verdict("x86_64", number("open", "x86_64"), 1, os.O_RDONLY) == ALLOWED
    assert verdict("x86_64", number("fork", "x86_64")) == "EPERM"


def test_calls_that_came_later_are_as_if_not_there(machine: str) -> None:
    assert verdict(machine, 452) == "ENOSYS"
    assert verdict(machine, 999) == "ENOSYS"


def test_another_instruction_set_ends_the_process(machine: str) -> None:
    assert verdict(machine, 1, architecture=0x40000003) == KILLED
    assert verdict("x86_64", 0x40000000 + 59) == KILLED


def test_an_unknown_machine_has_no_filter() -> None:
    assert seccomp.program("riscv64", PID) == b""
