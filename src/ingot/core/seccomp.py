"""The system calls a sandboxed process may not make (Linux, seccomp-BPF).

A program of about 250 instructions runs in the kernel before every call. It refuses whatever starts a program or a
process, opens a socket, writes or changes a file, looks into another process or reconfigures the machine; what a
parser needs (reading, memory, threads, clocks) passes. Refused calls answer "not permitted", so that a library which
only tried goes on; calls newer than this table answer "not implemented", as an older kernel would, so the list has an
upper end. Calls of a foreign instruction set end the process. See seccomp(2) and Documentation/userspace-api/
seccomp_filter.rst in the Linux sources; the numbers are those of asm/unistd_64.h and asm-generic/unistd.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_ARGUMENT = (16, 24, 32, 40, 48, 56)
_X32 = 0x40000000
_FIRST_UNKNOWN = 452

# name, number on x86-64, number on aarch64; a dash where the architecture has no such call.
_REFUSED = """
execve 59 221 execveat 322 281 fork 57 - vfork 58 - unshare 272 97 setns 308 268
ptrace 101 117 process_vm_readv 310 270 process_vm_writev 311 271 process_madvise 440 440 process_mrelease 448 448
kcmp 312 272 pidfd_open 434 434 pidfd_getfd 438 438 pidfd_send_signal 424 424 tkill 200 130 rt_sigqueueinfo 129 138
socket 41 198 connect 42 203 bind 49 200 listen 50 201 accept 43 202 accept4 288 242 sendmsg 46 211 sendmmsg 307 269
bpf 321 280 perf_event_open 298 241 userfaultfd 323 282 keyctl 250 219 add_key 248 217 request_key 249 218
mount 165 40 umount2 166 39 pivot_root 155 41 chroot 161 51 open_tree 428 428 move_mount 429 429 fsopen 430 430
fsconfig 431 431 fsmount 432 432 fspick 433 433 mount_setattr 442 442 swapon 167 224 swapoff 168 225 quotactl 179 60
quotactl_fd 443 443 acct 163 89 reboot 169 142 kexec_load 246 104 kexec_file_load 320 294 init_module 175 105
finit_module 313 273 delete_module 176 106 settimeofday 164 170 clock_settime 227 112 clock_adjtime 305 266
adjtimex 159 171 sethostname 170 161 setdomainname 171 162 syslog 103 116 personality 135 92 iopl 172 - ioperm 173 -
modify_ldt 154 - lookup_dcookie 212 18 nfsservctl 180 42 vhangup 153 58 fanotify_init 300 262 fanotify_mark 301 263
name_to_handle_at 303 264 open_by_handle_at 304 265 uselib 134 - ustat 136 - sysfs 139 -
shmget 29 194 shmat 30 196 shmctl 31 195 semget 64 190 semop 65 193 semctl 66 191 semtimedop 220 192 msgget 68 186
msgsnd 69 189 msgrcv 70 188 msgctl 71 187 mq_open 240 180 mq_unlink 241 181 memfd_create 319 279 memfd_secret 447 447
creat 85 - mkdir 83 - mkdirat 258 34 mknod 133 - mknodat 259 33 rmdir 84 - unlink 87 - unlinkat 263 35 rename 82 -
renameat 264 38 renameat2 316 276 link 86 - linkat 265 37 symlink 88 - symlinkat 266 36 chmod 90 - fchmod 91 52
fchmodat 268 53 chown 92 - fchown 93 55 lchown 94 - fchownat 260 54 truncate 76 45 ftruncate 77 46 fallocate 285 47
utime 132 - utimes 235 - futimesat 261 - utimensat 280 88 setxattr 188 5 lsetxattr 189 6 fsetxattr 190 7
removexattr 197 14 lremovexattr 198 15 fremovexattr 199 16 copy_file_range 326 285
setpriority 141 140 ioprio_set 251 30 sched_setscheduler 144 119 sched_setparam 142 118 sched_setattr 314 274
sched_setaffinity 203 122 migrate_pages 256 238 move_pages 279 239
"""
# The C library falls back to the older call it can do with: clone3 to clone, openat2 to openat.
_NOT_IMPLEMENTED = """
clone3 435 435 openat2 437 437 io_uring_setup 425 425 io_uring_enter 426 426 io_uring_register 427 427
"""
# These depend on their arguments; see _conditional.
_CONDITIONAL = """
clone 56 220 socketpair 53 199 sendto 44 206 kill 62 129 tgkill 234 131 rt_tgsigqueueinfo 297 240 prlimit64 302 261
prctl 157 167 open 2 - openat 257 56
"""
_CLONE_THREAD = 0x00010000
_AF_UNIX = 1
_PR_SET_PDEATHSIG = 1
_PR_SET_MM = 35
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True)
class _Architecture:
    audit: int  # AUDIT_ARCH_* of linux/audit.h
    column: int
    has_x32: bool


_ARCHITECTURES = {"x86_64": _Architecture(0xC000003E, 0, True), "aarch64": _Architecture(0xC00000B7, 1, False)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def filter_system_calls() -> bool:
    """Apply the filter to this thread and those it starts, for good. False where the system cannot.

    The process must have given up new privileges before.
    """
    code = program(platform.machine(), os.getpid())
    if sys.platform != "linux" or not code:
        return False
    held = ctypes.create_string_buffer(code, len(code))
    filtered = _Program(len(code) // 8, ctypes.addressof(held))
    libc: Any = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(filtered), 0, 0) == 0)


def program(machine: str, pid: int) -> bytes:
    """Return the filter for a machine type as in `uname -m`, for the process `pid`; empty for an unknown type."""
    here = _ARCHITECTURES.get(machine)
    return b"" if here is None else b"".join(_instructions(here, pid))


def _instructions(here: _Architecture, pid: int) -> Iterator[bytes]:
    yield _one(_LOAD, _ARCHITECTURE)
    yield _one(_EQUAL, here.audit, 1, 0)
    yield _one(_RETURN, _KILL)
    yield _one(_LOAD, _NUMBER)
    if here.has_x32:
        yield from (_one(_AT_LEAST, _X32, 0, 1), _one(_RETURN, _KILL))
    yield from (_one(_AT_LEAST, _FIRST_UNKNOWN, 0, 1), _answer(errno.ENOSYS))
    for table, code in ((_REFUSED, errno.EPERM), (_NOT_IMPLEMENTED, errno.ENOSYS)):
        for number in numbers(table, here.column).values():
            yield from (_one(_EQUAL, number, 0, 1), _answer(code))
    for name, number in numbers(_CONDITIONAL, here.column).items():
        body = list(_conditional(name, pid))
        yield from (_one(_EQUAL, number, 0, len(body)), *body)
    yield _one(_RETURN, _ALLOW)


def numbers(table: str, column: int) -> dict[str, int]:
    """Return the calls of a table that an architecture has, by name."""
    words = table.split()
    rows = zip(words[::3], words[1::3], words[2::3], strict=True)
    return {name: int(row[column]) for name, *row in rows if row[column] != "-"}


def _conditional(name: str, pid: int) -> Iterator[bytes]:
    """Yield the checks of one call; every path ends with an answer."""
    allow, refuse = _one(_RETURN, _ALLOW), _answer(errno.EPERM)
    if name == "clone":  # threads, but no processes
        yield from (_low(0), _one(_ANY_BIT, _CLONE_THREAD, 0, 1), allow, refuse)
    elif name == "socketpair":  # event loops wake themselves through one; it leads nowhere else
        yield from (_low(0), _one(_EQUAL, _AF_UNIX, 0, 1), allow, refuse)
    elif name == "sendto":  # without an address
        yield from (_low(4), _one(_EQUAL, 0, 0, 3), _high(4), _one(_EQUAL, 0, 0, 1), allow, refuse)
    elif name in ("kill", "tgkill", "rt_tgsigqueueinfo"):  # itself only: abort() does that
        yield from (_low(0), _one(_EQUAL, pid, 0, 1), allow, refuse)
    elif name == "prlimit64":  # its own limits
        yield from (_low(0), _one(_EQUAL, 0, 1, 0), _one(_EQUAL, pid, 0, 1), allow, refuse)
    elif name == "prctl":  # not the promise to die with the parent
        yield from (_low(0), _one(_EQUAL, _PR_SET_PDEATHSIG, 2, 0), _one(_EQUAL, _PR_SET_MM, 1, 0), allow, refuse)
    else:  # open and openat, to read
        yield from (_low(1 if name == "open" else 2), _one(_ANY_BIT, _WRITES, 0, 1), _answer(errno.EACCES), allow)


def _one(code: int, operand: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, when_true, when_false, operand)


def _answer(error: int) -> bytes:
    return _one(_RETURN, _ERRNO | error)


def _low(argument: int) -> bytes:
    return _one(_LOAD, _ARGUMENT[argument])


def _high(argument: int) -> bytes:
    return _one(_LOAD, _ARGUMENT[argument] + 4)
