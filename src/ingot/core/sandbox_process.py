"""One child of the sandbox as its parent sees it: a queue of items, a pipe of frames, and a clock of silence.

The pipe is never waited on for a whole frame: a child that announces a gigabyte and sends a byte is just silent, and
silence has a limit. What a dying child wrote to its standard error tells a crash from a lack of memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from ingot.core.confinement import Limits
from ingot.core.errors import StepError
from ingot.core.sandbox_child import DONE, ERROR, HEADER, HELLO, RESULT

_KINDS = {HELLO: "hello", RESULT: "result", ERROR: "error", DONE: "done"}
_READ_BYTES = 1 << 20
_STDERR_BYTES = 2000
_START_SECONDS = 60.0
# More than a pipe holds could block the parent if the child hangs with its interpreter locked.
_QUEUE_BYTES = 32 << 10
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "LANG", "LC_ALL")
_MEMORY_SIGNS = (b"memory allocation", b"MemoryError", b"bad_alloc", b"out of memory", b"Cannot allocate memory")


@dataclass(frozen=True)
class Message:
    """A frame a child sent: hello (missing layers), result, error (fields) or done."""

    kind: str
    value: Any
    bytes: int


class ChildProcess:
    """A running child, the items it was given (index and line) and how long it has been silent."""

    def __init__(self, function: str, limits: Limits) -> None:
        self.queue: deque[tuple[int, bytes]] = deque()
        self.silence = 0.0
        self._limits = limits
        self._is_up = False
        self._output_bytes = 0
        self._buffer = bytearray()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self.descriptor, answers = os.pipe()
        os.set_blocking(self.descriptor, False)
        try:
            self._process = _start(function, limits, answers, self._errors.fileno())
        finally:
            os.close(answers)

    @property
    def patience(self) -> float:
        """Seconds of silence this child is still allowed."""
        return (self._limits.timeout_seconds if self._is_up else _START_SECONDS) - self.silence

    def is_full(self, items: int) -> bool:
        """Say whether its queue holds enough items, or enough bytes."""
        return len(self.queue) >= items or sum(len(line) for _, line in self.queue) > _QUEUE_BYTES

    def take(self, index: int, line: bytes) -> None:
        """Queue an item. A child that is already dead is noticed when it is next listened to."""
        if not self.queue:
            self.silence = 0.0
        self.queue.append((index, line))
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def finish_item(self) -> None:
        """Take the item it was working on off the queue."""
        self.queue.popleft()
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
            if size > self._limits.result_bytes or self._has_said_too_much(kind, size):
                return messages, _too_much(size)
            end = used + HEADER.size + size
            if len(self._buffer) < end:
                break
            try:
                message = Message(_KINDS[kind], json.loads(self._buffer[used + HEADER.size : end]), size)
            except (KeyError, ValueError, RecursionError):
                return messages, {"kind": "crash", "what": "the process that read it sent something unreadable"}
            messages.append(self._heard(message))
            used = end
        del self._buffer[:used]
        return messages, None

    def _has_said_too_much(self, kind: bytes, size: int) -> bool:
        return kind == RESULT and self._output_bytes + size > self._limits.output_bytes

    def _heard(self, message: Message) -> Message:
        self._is_up = True
        self.silence = 0.0
        self._output_bytes = 0 if message.kind != "result" else self._output_bytes + message.bytes
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
        if code == -signal.SIGKILL:
            return {"kind": "memory", "why": "the system ended the process, usually for lack of memory"}
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
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        os.close(self.descriptor)
        self._errors.close()


def _too_much(size: int) -> dict[str, str]:
    why = f"the part that went too far is {size} bytes"
    return {"kind": "output", "what": "it grew to more text than one item may give", "why": why}


def _start(function: str, limits: Limits, answers: int, errors: int) -> subprocess.Popen[bytes]:
    arguments = f"{answers}, {os.getpid()}, {function!r}, {asdict(limits)!r}"
    script = f"import sys; sys.path[:] = {sys.path!r}; from ingot.core.sandbox_child import main; main({arguments})"
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        pass_fds=[answers],
        env=_environment(),
        start_new_session=True,  # Ctrl-C is the parent's to answer
    )


def _environment() -> dict[str, str]:
    # Not settings: only what the system's loader needs. Keys and tokens of the parent stay with the parent.
    kept = {name: value for name, value in os.environ.items() if name in _PASSED_ON}  # noqa: TID251
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
