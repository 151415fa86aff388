"""What was used, appended to a file."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock

from ingot.serve.ports import Usage

USAGE_FILE = "usage.jsonl"


class UsageFile:
    """A meter that appends one line of JSON for each request.

    A file that has grown to `most_bytes` becomes `<name>.1.jsonl`, in place of an earlier one: the two together stay
    below twice that, and hold the last `most_bytes` of requests at least. Several servers may share them.
    """

    def __init__(self, path: Path, most_bytes: int = 64_000_000) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._most_bytes = path, most_bytes
        self._lock = FileLock(path.with_suffix(".lock"))

    def record(self, usage: Usage) -> None:
        """Append one request."""
        known = {name: value for name, value in asdict(usage).items() if value is not None}
        line = json.dumps({"time": round(time.time(), 3), **known}) + "\n"
        with self._lock:
            if self._path.exists() and self._path.stat().st_size + len(line) > self._most_bytes:
                self._path.replace(self._path.with_suffix(f".1{self._path.suffix}"))
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)
