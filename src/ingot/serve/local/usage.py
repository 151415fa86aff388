"""What was used, appended to a file."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from ingot.serve.ports import Usage

USAGE_FILE = "usage.jsonl"
_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 0.1
_AGAIN_SECONDS = 1.0


class UsageFile:
    """A meter that appends one line of JSON for each request.

    A thread of its own writes, so that no answer waits for a disk, or for another server that holds the file: ten times
    a second, what came meanwhile. `close` writes the rest; a process that is killed loses what it had not written yet.
    While the file cannot be written the lines are kept, and the log says so.

    A file that has grown to `most_bytes` becomes `<name>.1.jsonl`, in place of an earlier one: the two together stay
    below twice that, and hold the last `most_bytes` of requests at least. Several servers may share them.
    """

    def __init__(self, path: Path, most_bytes: int = 64_000_000) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._most_bytes = path, most_bytes
        self._lock = FileLock(path.with_suffix(".lock"))
        self._used: queue.SimpleQueue[tuple[float, Usage] | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._writer = threading.Thread(target=self._keep_writing, name="usage", daemon=True)
        self._writer.start()

    def record(self, usage: Usage) -> None:
        """Append one request, soon."""
        self._used.put((time.time(), usage))

    def close(self) -> None:
        """Write what was recorded, and record no more."""
        self._closing.set()
        self._used.put(None)
        self._writer.join()

    def _keep_writing(self) -> None:
        waiting: list[str] = []
        is_open = True
        while is_open:
            is_open = self._take(waiting)
            while waiting and not self._written(waiting):
                if self._closing.wait(_AGAIN_SECONDS):
                    break  # it was tried, and there is no later

    def _take(self, waiting: list[str]) -> bool:
        """Add the lines of everything recorded so far, at least one; False once there will be no more."""
        entry = self._used.get()
        self._closing.wait(_PAUSE_SECONDS)
        while entry is not None:
            waiting.append(_line(*entry))
            try:
                entry = self._used.get_nowait()
            except queue.Empty:
                return True
        return False

    def _written(self, waiting: list[str]) -> bool:
        """Write lines, and take those that are written out of `waiting`; False when the disk does not let it."""
        try:
            with self._lock:
                while waiting:
                    del waiting[: self._append(waiting)]
        except OSError as error:
            _log.error("%s cannot be written, so %d lines wait: %s", self._path, len(waiting), error)
            return False
        return True

    def _append(self, lines: Sequence[str]) -> int:
        """Append as many lines as the file has room for, in a new file if need be; return how many."""
        size = self._path.stat().st_size if self._path.exists() else 0
        if size and size + len(lines[0]) > self._most_bytes:
            self._path.replace(self._path.with_suffix(f".1{self._path.suffix}"))
            size = 0
        count = 0
        while count < len(lines) and (count == 0 or size + len(lines[count]) <= self._most_bytes):
            size += len(lines[count])
            count += 1
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(lines[:count])
        return count


def _line(at: float, usage: Usage) -> str:
    known: dict[str, Any] = {name: value for name, value in vars(usage).items() if value is not None}
    return json.dumps({"time": round(at, 3), **known}) + "\n"
