"""Being asked to end: by a signal (a scheduler that wants its machine back, Ctrl-C), or because the runner is gone.

Most steps just end; their finished pieces are kept. A step that can save what it is at says so, and is then given a
little time to do it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

# What a system's shutdown and most schedulers grant at least, less some for the end of the process itself.
GRACE_SECONDS = 25.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)  # the last is what Slurm's --signal is often set to


class Stopping:
    """Whether this process is asked to end."""

    def __init__(self) -> None:
        self.is_minded = False  # whether somebody looks and will end by himself
        self._asked = threading.Event()

    def ask(self) -> None:
        """Ask for the end."""
        self._asked.set()

    def is_asked(self) -> bool:
        """Say whether the end was asked for."""
        return self._asked.is_set()

    @contextlib.contextmanager
    def minded(self) -> Iterator[None]:
        """Inside, signals only ask. To be entered in the main thread; elsewhere signals stay as they are."""
        is_main = threading.current_thread() is threading.main_thread()
        before = {number: signal.signal(number, self._heard) for number in _SIGNALS} if is_main else {}
        self.is_minded = True
        try:
            yield
        finally:
            self.is_minded = False
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.ask()
