"""Notice a training that hangs: say which rank, show what it is at, and end it, so that it can be started again.

A step that takes twenty times the longest so far, and at least ten minutes, is taken for one that will never end: a
peer that is gone, a driver that waits, a file system that does not answer. The stacks of all threads go to the step's
log. A second clock, which needs no Python to run, ends the process when even that is stuck.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
from typing import TextIO

from ingot.core.events import Emit

LEAST_SECONDS = 600.0
_TIMES_THE_LONGEST = 20.0
_LOOKS = 20  # within the limit
_SECONDS_FOR_LAST_WORDS = 60.0
_SECONDS_FOR_SIGNAL = 1.0


class Watchdog:
    """Watches one training; a context. Each `beat` says that it moves."""

    def __init__(self, emit: Emit, rank: int = 0, least_seconds: float = LEAST_SECONDS) -> None:
        self._emit, self._rank, self._least = emit, rank, least_seconds
        self._longest, self._step = 0.0, 0
        self._last = time.monotonic()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._log: TextIO = sys.__stderr__ or sys.stderr

    def __enter__(self) -> Watchdog:
        self._last = time.monotonic()
        self._arm()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        faulthandler.cancel_dump_traceback_later()
        self._thread.join()

    def beat(self, step: int) -> None:
        """Say that `step` steps are done."""
        now = time.monotonic()
        self._longest, self._last, self._step = max(self._longest, now - self._last), now, step
        self._arm()

    @property
    def limit_seconds(self) -> float:
        """How long a step may take."""
        return max(self._least, _TIMES_THE_LONGEST * self._longest)

    def _arm(self) -> None:
        faulthandler.dump_traceback_later(self.limit_seconds + _SECONDS_FOR_LAST_WORDS, exit=True, file=self._log)

    def _watch(self) -> None:
        while not self._is_over.wait(self.limit_seconds / _LOOKS):
            waited = time.monotonic() - self._last
            if waited > self.limit_seconds:
                text = f"rank {self._rank} hangs: nothing came after step {self._step} for {waited:.0f} seconds"
                self._emit("warning", text=f"{text}; what it is at stands in the log of the step", rank=self._rank)
                faulthandler.dump_traceback(file=self._log, all_threads=True)
                # A signal is an end from outside, for the runner: worth another try. The first may be ignored, as it is
                # for whatever was started in the background of a script.
                os.kill(os.getpid(), signal.SIGQUIT)
                time.sleep(_SECONDS_FOR_SIGNAL)
                os.kill(os.getpid(), signal.SIGKILL)
