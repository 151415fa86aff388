"""One child of the sandbox as its parent sees it: a queue of items, a pipe of frames, and a clock of silence.

The pipe is never waited on for a whole frame: a child that announces a gigabyte and sends a byte is just silent, and
silence has a limit. Results pay back silence by their size, so a child that drips a word now and then is silent too.
What a dying child wrote to its standard error tells a crash from a lack of memory.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from ingot.core.confinement import Limits, code_folders
from ingot.core.errors import StepError
from ingot.core.sandbox_child import ALONE, DONE, ERROR, HEADER, HELLO, RESULT, WITH_FILE

_KINDS = {HELLO: "hello", RESULT: "result", ERROR: "error", DONE: "done"}
_READ_BYTES = 1 << 20
_STDERR_BYTES = 2000
_START_SECONDS = 60.0
# More than a socket holds could block the parent if the child hangs with its interpreter locked.
_QUEUE_BYTES = 32 << 10
# Slower than any parser works; faster than a document meant to be slow may drip.
_PAID_BACK_BYTES_PER_SECOND = 64 << 10
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "LANG", "LC_ALL")
# A pool of threads per processor costs each child a gigabyte of addresses on a large machine, and the memory limit
# counts addresses.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "TOKIO_WORKER_THREADS", "MALLOC_ARENA_MAX"), "1")
OUTSIDE = "outside"
_UNREADABLE = {"kind": "crash", "what": "the process that read it sent something unreadable"}
_MEMORY_SIGNS = (b"memory allocation", b"MemoryError", b"bad_alloc", b"out of memory", b"Cannot allocate memory")


@dataclass(frozen=True)
class Message:
    """A frame a child sent: hello (missing layers), result, error (fields) or done."""

    kind: str
    value: Any
    bytes: int


@dataclass(frozen=True)
class Task:
    """An item on its way to a child: its number, its line, and how to open the file that goes with it."""

    index: int
    line: bytes
    open: Callable[[], BinaryIO] | None = None


class ChildProcess:
    """A running child, the tasks it was given and how long it has been silent.

    `is_fresh` until it has finished an item: what then goes wrong cannot be the fault of an earlier one.
    """

    def __init__(self, function: str, limits: Limits, readable: Sequence[str] = ()) -> None:
        self.queue: deque[Task] = deque()
        self.silence = 0.0
        self.is_fresh = True
        self._limits = limits
        self._is_up = False
        self._output_bytes = 0
        self._buffer = bytearray()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self.descriptor, answers = os.pipe()
        os.set_blocking(self.descriptor, False)
        self._tasks, their_end = socket.socketpair()
        try:
            self._process = _start(function, limits, readable, their_end.fileno(), answers, self._errors.fileno())
        finally:
            os.close(answers)
            their_end.close()

    @property
    def patience(self) -> float:
        """Seconds of silence this child is still allowed."""
        return (self._limits.timeout_seconds if self._is_up else _START_SECONDS) - self.silence

    def is_full(self, items: int) -> bool:
        """Say whether its queue holds enough items, or enough bytes."""
        return len(self.queue) >= items or sum(len(task.line) for task in self.queue) > _QUEUE_BYTES

    def take(self, task: Task) -> None:
        """Queue a task. A child that is already dead is noticed when it is next listened to.

        Raises whatever opening the task's file raises.
        """
        if task.open is None:
            self._send(ALONE + task.line, [])
        else:
            with task.open() as stream, _as_file(stream) as file:
                self._send(WITH_FILE + task.line, [file.fileno()])
        if not self.queue:
            self.silence = 0.0
        self.queue.append(task)

    def _send(self, line: bytes, descriptors: list[int]) -> None:
        with contextlib.suppress(ConnectionError):
            sent = socket.send_fds(self._tasks, [line], descriptors)
            self._tasks.sendall(line[sent:])

    def finish_item(self) -> None:
        """Take the item it was working on off the queue."""
        self.queue.popleft()
        self.is_fresh = False
        self._output_bytes = 0

    def receive(self) -> tuple[list[Message], dict[str, str] | None]:
        """Return the frames that are complete by now, and why the child must be replaced, if it must."""
        try:
            chunk = os.read(self.descriptor, _READ_BYTES)
        except BlockingIOError:
            return [], None
        if not chunk:
            return [], self._death()
        self._buffer += chunk
        return self._messages()

    def _messages(self) -> tuple[list[Message], dict[str, str] | None]:
        messages: list[Message] = []
        used = 0
        while len(self._buffer) - used >= HEADER.size:
            kind, size = HEADER.unpack_from(self._buffer, used)
            if kind not in _KINDS:
                return messages, _UNREADABLE
            if size > self._limits.result_bytes or self._has_said_too_much(kind, size):
                return messages, _too_much(size)
            end = used + HEADER.size + size
            if len(self._buffer) < end:
                break
            try:
                message = Message(_KINDS[kind], json.loads(self._buffer[used + HEADER.size : end]), size)
            except (ValueError, RecursionError):
                return messages, _UNREADABLE
            messages.append(self._heard(message))
            used = end
        del self._buffer[:used]
        return messages, None

    def _has_said_too_much(self, kind: bytes, size: int) -> bool:
        return kind == RESULT and self._output_bytes + size > self._limits.output_bytes

    def _heard(self, message: Message) -> Message:
        self._is_up = True
        is_result = message.kind == "result"
        self.silence = max(0.0, self.silence - message.bytes / _PAID_BACK_BYTES_PER_SECOND) if is_result else 0.0
        self._output_bytes = self._output_bytes + message.bytes if is_result else 0
        return message

    def timeout_failure(self) -> dict[str, str]:
        """Say that it was silent for too long. Raises StepError when it never came up."""
        if not self._is_up:
            raise self._cannot_start()
        return {"kind": "timeout", "what": f"nothing came of it for {self._limits.timeout_seconds:g} seconds"}

    def _death(self) -> dict[str, str]:
        self._process.wait()
        if not self._is_up:
            raise self._cannot_start()
        code = self._process.returncode
        if any(sign in self._last_words() for sign in _MEMORY_SIGNS):
            return {"kind": "memory"}
        if code == -signal.SIGXCPU:
            return self.timeout_failure()
        if code == -signal.SIGKILL:
            why = "the system or a person ended the process, usually for lack of memory"
            return {"kind": "memory", "why": why, "from": OUTSIDE}
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return {"kind": "crash", "what": f"it crashed the process that read it ({name})"}

    def _cannot_start(self) -> StepError:
        words = self._last_words().decode("utf-8", errors="replace").strip()
        return StepError(
            "the sandbox cannot start",
            why=words.splitlines()[-1] if words else "its process ended or hung without a word",
            fix="check that the installation is complete: ingot doctor",
        )

    def _last_words(self) -> bytes:
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), _STDERR_BYTES, max(0, size - _STDERR_BYTES))

    def end(self) -> None:
        """Kill the child and let go of everything it held; safe to call twice."""
        if self._errors.closed:
            return
        self._process.kill()
        self._process.wait()
        self._tasks.close()
        os.close(self.descriptor)
        self._errors.close()


def _too_much(size: int) -> dict[str, str]:
    why = f"the part that went too far is {size} bytes"
    return {"kind": "output", "what": "it grew to more text than one item may give", "why": why}


@contextlib.contextmanager
def _as_file(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Give the stream itself when it is a plain file, else a copy: what unpacks or counts cannot be handed on."""
    raw = stream.raw if isinstance(stream, io.BufferedReader) else stream
    if isinstance(raw, io.FileIO):
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
        yield copy


def _start(
    function: str, limits: Limits, readable: Sequence[str], tasks: int, answers: int, errors: int
) -> subprocess.Popen[bytes]:
    allowed = [*code_folders(), *readable]
    arguments = f"{answers}, {os.getpid()}, {function!r}, {asdict(limits)!r}, {allowed!r}"
    script = f"import sys; sys.path[:] = {sys.path!r}; from ingot.core.sandbox_child import main; main({arguments})"
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=tasks,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        pass_fds=[answers],
        env=_environment(),
        start_new_session=True,  # Ctrl-C is the parent's to answer
    )


def _environment() -> dict[str, str]:
    # Keys and tokens of the parent stay with the parent. TID251 forbids settings by environment; these are none, only
    # what the system's loader needs.
    kept = {name: value for name, value in os.environ.items() if name in _PASSED_ON}  # noqa: TID251
    return {**kept, **_ONE_THREAD, "PYTHONUTF8": "1"}
