"""Checkpoints written beside the training: it waits only while its state is copied.

The copy is what is written, so steps taken meanwhile cannot leak into it. One checkpoint is written at a time; the next
one waits for it, and so does the end. What went wrong with a write is raised there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from torch import Tensor

from ingot.train.checkpoint import Checkpoints, Saved
from ingot.train.parallel.placement import Region


class Saver:
    """Saves to `checkpoints` in a thread of its own. A context: leaving it waits for the last write.

    `cost` is how many seconds the last write took.
    """

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._writing: Future[None] | None = None
        self._begun_at = time.monotonic()
        self.cost = 0.0

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True)
        self._checkpoints.close()

    def save(
        self,
        step: int,
        tensors: Mapping[str, Tensor],
        scalars: Mapping[str, Any],
        regions: Mapping[str, Region] | None = None,
    ) -> None:
        """Begin to write a checkpoint; the tensors must be nobody else's to change. `regions`: which are parts."""
        self.wait()
        self._begun_at = time.monotonic()
        self._writing = self._thread.submit(self._write, step, tensors, scalars, regions)

    def is_due(self, seconds: float) -> bool:
        """Say whether so many seconds have passed since the last save began, and it is done."""
        is_writing = self._writing is not None and not self._writing.done()
        return not is_writing and time.monotonic() - self._begun_at >= seconds

    def wait(self) -> None:
        """Wait until what was begun is on the disk. Raises what went wrong with it."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write(self, *what: Any) -> None:
        began = time.monotonic()
        self._checkpoints.save(*what)
        self.cost = time.monotonic() - began

    def go_back(self, count: int) -> Saved | None:
        """Read the whole checkpoint that is `count` before the newest, or the oldest, and remove those after it."""
        self.wait()
        return self._checkpoints.go_back(count)
