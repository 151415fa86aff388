"""The process of a supervised engine as its parent holds it: how it starts and ends, and the socket between the two.

Nobody waits to say something: what the child does not take at once, a thread sends after it. What the child says is
heard by the keeper, who follows it. Once somebody asks from an event loop, that loop hears it instead, so that no
thread has to be woken between the engine and whoever waits there, and the keeper only waits for the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from struct import pack
from typing import Any

from ingot.infer.engine_child import Cutter

_READ_BYTES = 1 << 16
_SEND_SECONDS = 30  # a child that takes no order for so long is stuck
_LAST_WORDS_SECONDS = 2.0
_LOOK_SECONDS = 1.0  # a loop that was closed hears nothing, and does not say so


class Child:
    """A running child that answers with engine `name`; `hear` is given each line it says, one after another."""

    def __init__(
        self, name: str, model_folder: str, threads: int, draft: str | None, hear: Callable[[list[Any]], object]
    ) -> None:
        self._hear, self._cutter = hear, Cutter()
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._unsent: deque[memoryview] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ear: socket.socket | None = None
        self._connection, theirs = socket.socketpair()
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, pack("ll", _SEND_SECONDS, 0))
        with theirs:
            arguments = f"{theirs.fileno()}, {os.getpid()}, {name!r}, {model_folder!r}, {threads}, {draft!r}"
            script = (
                f"import sys; sys.path[:] = {sys.path!r}; from ingot.infer.engine_child import main; main({arguments})"
            )
            self.process = subprocess.Popen(
                [sys.executable, "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # libraries write there what they think about the file
                pass_fds=[theirs.fileno()],
            )

    def follow(self) -> None:
        """Hear what it says, or leave that to the loop that does, until it is gone."""
        arriving = select.poll()
        while self._hear_more():
            is_heard = self._loop is not None and not self._loop.is_closed()
            # A poll that waits for nothing else still tells when the other end is closed.
            arriving.register(self._connection, 0 if is_heard else select.POLLIN)
            arriving.poll(1000 * _LOOK_SECONDS if is_heard else None)

    def follow_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let a loop hear what it says from now on. Call it there."""
        if self._loop is loop:
            return
        self._close_unheard()
        with suppress(OSError):  # it has just gone
            # A descriptor of its own: a loop must be told before one that it watches is closed.
            self._ear, self._loop = self._connection.dup(), loop
            loop.add_reader(self._ear, self._hear_on, loop, self._ear)

    def say(self, value: list[Any]) -> None:
        """Send one line, at once or as soon as it is taken. A child that is gone or stuck is ended."""
        data = memoryview(json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n")
        with self._writing:
            rest = data if self._unsent else data[self._sent(data) :]
            if not rest:
                return
            self._unsent.append(rest)
            if len(self._unsent) == 1:
                threading.Thread(target=self._send_the_rest, name="orders of an engine", daemon=True).start()

    def leave(self) -> None:
        """Tell the child that nobody needs it any more."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def end(self) -> str:
        """Make sure that it is gone, and return how it went."""
        self.leave()
        try:
            code = self.process.wait(_LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._connection.close()
        self._close_unheard()
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def _close_unheard(self) -> None:
        if self._ear is not None and self._loop is not None and self._loop.is_closed():
            self._ear.close()

    def _hear_on(self, loop: asyncio.AbstractEventLoop, ear: socket.socket) -> None:
        if not self._hear_more():
            loop.remove_reader(ear)
            ear.close()

    def _hear_more(self) -> bool:
        """Hear what is there, and say whether more may come."""
        with self._reading:  # the keeper and a loop may both be here while one takes over from the other
            try:
                chunk = self._connection.recv(_READ_BYTES, socket.MSG_DONTWAIT)
                for words in self._cutter.lines(chunk):
                    self._hear(words)
            except BlockingIOError:
                return True
            except (OSError, ValueError):  # it is gone, or wrote something unreadable: as good as gone
                self.process.kill()
                return False
        return bool(chunk)

    def _sent(self, data: memoryview) -> int:
        try:
            return self._connection.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError:
            self.process.kill()  # whoever follows it finds it so
            return len(data)

    def _send_the_rest(self) -> None:
        is_behind = True
        while is_behind:
            try:
                self._connection.sendall(self._unsent[0])
            except OSError:
                self.process.kill()
                return
            with self._writing:
                self._unsent.popleft()
                is_behind = bool(self._unsent)
